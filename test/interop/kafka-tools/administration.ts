// kafka-topics, kafka-configs, kafka-consumer-groups and kafka-delete-records: each step of an administrator by its tool.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Workplace } from '../command-driver.ts'
import type { AdminJob, AdminStep } from '../job.ts'
import { groupCommand, outputOf, patience } from './tool-runs.ts'
import { settingsFile, type Toolbox } from './toolbox.ts'

const topicCommand = 'org.apache.kafka.tools.TopicCommand'

/** Does the steps one after the other; one that fails is answered by its error. */
export async function administer(toolbox: Toolbox, job: AdminJob, place: Workplace): Promise<unknown[]> {
  const access = ['--bootstrap-server', job.brokers, '--command-config', settingsFile(job, place)]
  const tool: Tool = (mainClass, ...args) => outputOf(toolbox, mainClass, [...access, ...args])
  const results: unknown[] = []
  for (const step of job.steps) {
    const failed = (error: unknown) => ({ error: String(error) })
    results.push(await answer(tool, step, place).catch(failed))
  }
  return results
}

type Tool = (mainClass: string, ...args: readonly string[]) => Promise<readonly string[]>

async function answer(tool: Tool, step: AdminStep, { folder }: Workplace): Promise<unknown> {
  const topics = (...args: readonly string[]) => tool(topicCommand, ...args)
  const groups = (...args: readonly string[]) => tool(groupCommand, ...args, ...patience)
  const configs = (...args: readonly string[]) =>
    tool('kafka.admin.ConfigCommand', '--entity-type', 'topics', ...args)
  const ok = () => 'ok'
  switch (step[0]) {
    case 'createTopic': {
      const set = Object.entries(step[3]).flatMap(([name, value]) => ['--config', `${name}=${value}`])
      const size = ['--partitions', String(step[2]), '--replication-factor', '1']
      return topics('--create', '--topic', step[1], ...size, ...set).then(ok)
    }
    case 'listTopics':
      return topics('--list')
    case 'partitions': {
      const lines = await topics('--describe', '--topic', step[1])
      return Number(/PartitionCount: (\d+)/.exec(lines.join('\n'))?.[1])
    }
    case 'createPartitions':
      return topics('--alter', '--topic', step[1], '--partitions', String(step[2])).then(ok)
    case 'deleteTopic':
      return topics('--delete', '--topic', step[1]).then(ok)
    case 'configs': {
      const lines = await configs('--describe', '--entity-name', step[1])
      const found = [...lines.join('\n').matchAll(/^ +([\w.]+)=(\S+) /gm)]
      return Object.fromEntries(found.map(([, name = '', value = '']) => [name, value]))
    }
    case 'alterConfigs': {
      const set = Object.entries(step[2]).map(([name, value]) => `${name}=${value}`)
      return configs('--alter', '--entity-name', step[1], '--add-config', set.join(',')).then(ok)
    }
    case 'listGroups':
      return groups('--list')
    case 'describeGroup': {
      const [row] = table(await groups('--describe', '--state', '--group', step[1]))
      return { state: row?.STATE, members: Number(row?.['#MEMBERS']) }
    }
    case 'groupOffsets': {
      const rows = table(await groups('--describe', '--offsets', '--group', step[1]))
      const found = rows.filter((row) => row.TOPIC === step[2] && row['CURRENT-OFFSET'] !== '-')
      return Object.fromEntries(found.map((row) => [row.PARTITION, Number(row['CURRENT-OFFSET'])]))
    }
    case 'deleteGroup':
      return groups('--delete', '--group', step[1]).then(ok)
    case 'deleteRecords': {
      const file = join(folder, 'offsets.json')
      const partitions = [{ topic: step[1], partition: step[2], offset: step[3] }]
      writeFileSync(file, JSON.stringify({ version: 1, partitions }))
      return tool('org.apache.kafka.tools.DeleteRecordsCommand', '--offset-json-file', file).then(ok)
    }
  }
}

/** Rows of a printed table by the names of its head, which is the line that begins with GROUP. */
function table(lines: readonly string[]): Readonly<Record<string, string>>[] {
  const words = lines.map((line) => line.replace(/\s+\((ID|\d+)\)/, '').split(/\s+/))
  const head = words.findIndex(([first]) => first === 'GROUP')
  const names = words[head] ?? []
  const rows = words.slice(head + 1)
  return rows.map((row) => Object.fromEntries(row.map((word, at) => [names[at] ?? '', word])))
}
