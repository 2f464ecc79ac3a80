// Scale: many topics through a kill -9, many idle connections, many groups: what they cost a broker that does nothing.

import { setTimeout as delay } from 'node:timers/promises'
import { cpuSeconds, memoryMb } from '../../test/integration/proc.ts'
import type { Running } from '../../test/integration/processes.ts'
import { GroupMember } from '../../test/kafka-client/group-member.ts'
import { commitOffsets } from '../../test/kafka-client/membership.ts'
import { KafkaProducer } from '../../test/kafka-client/producer.ts'
import { printResult } from '../result.ts'
import { clientOf, createTopics, startOurs } from './subjects.ts'

export interface ScaleOptions {
  readonly topics: number
  readonly connections: number
  readonly groups: number
  readonly idleSeconds: number
}

const partitions = 4
const startGoalMs = 5_000
const idleGoal = 0.02
const memoryGoalMb = 100

/** Prints goals of the shape "at most": their ratio is goal over figure. */
export async function measureScale(folder: string, options: ScaleOptions): Promise<void> {
  await using ours = await startOurs(folder, 'commit')
  const { running, port } = ours
  await measureConnections(port, running.pid, options)
  const names = Array.from({ length: options.topics }, (_, i) => `topic-${i}`)
  await createTopics(port, names, partitions)
  await sendToAll(port, names)
  await running.kill()
  const began = performance.now()
  running.restart()
  await answering(port, running)
  const tookMs = performance.now() - began
  atMost(
    `start after kill -9 with ${options.topics} topics x ${partitions} partitions`,
    tookMs,
    'ms',
    startGoalMs,
  )
  // Let what starts late be over.
  await delay(3_000)
  const before = cpuSeconds(running.pid)
  await delay(options.idleSeconds * 1000)
  const idle = (cpuSeconds(running.pid) - before) / options.idleSeconds
  atMost(`idle CPU with ${options.topics} topics x ${partitions} partitions`, idle, 'of a core', idleGoal)
  console.log(`RSS with all topics open: ${memoryMb(running.pid).now.toFixed(0)} MiB`)
}

function atMost(what: string, figure: number, unit: string, limit: number): void {
  console.log(`${what}: ${figure.toFixed(3)} ${unit} (goal: at most ${limit})`)
  const floor = limit / 1000
  const ratio = limit / Math.max(figure, floor)
  printResult({ subject: 'broker', case: what, figure, unit, limit, limitIs: 'at most', ratio, goal: 1 })
}

/** A batch of ten records in each partition, so that there is something to recover. */
async function sendToAll(port: number, names: readonly string[]): Promise<void> {
  const client = clientOf(port)
  const options = { transactionalId: null, transactionTimeoutMs: 60_000, patienceMs: 10_000 }
  const producer = new KafkaProducer(client, options)
  await producer.init()
  const values = Array.from({ length: 10 }, (_, i) => `record ${i} ${'.'.repeat(100)}`)
  for (const topic of names) {
    const all = Array.from({ length: partitions }, (_, partition) =>
      producer.send({ topic, partition }, [values]),
    )
    for (const [sent] of await Promise.all(all)) if (sent?.outcome !== 'ok') throw sent?.error
  }
  client.close()
}

async function answering(port: number, running: Running): Promise<void> {
  for (;;) {
    if (running.exited) throw new Error(`our broker ended:\n${running.output.slice(-2000)}`)
    const client = clientOf(port, 5_000)
    try {
      await client.request('Metadata', { topics: [], allowAutoTopicCreation: false })
      return
    } catch {
      await delay(10)
    } finally {
      client.close()
    }
  }
}

/** Connections that have said who they are, groups with one member each. */
async function measureConnections(port: number, pid: number, options: ScaleOptions): Promise<void> {
  await delay(1_000)
  const before = memoryMb(pid).now
  const clients = Array.from({ length: options.connections }, () => clientOf(port, 30_000))
  for (let from = 0; from < clients.length; from += 100) {
    const some = clients.slice(from, from + 100)
    const body = { clientSoftwareName: 'bench', clientSoftwareVersion: '1' }
    await Promise.all(some.map((client) => client.request('ApiVersions', body)))
  }
  const sizes = { sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 60_000, patienceMs: 60_000 }
  await Promise.all(
    clients.slice(0, options.groups).map(async (client, i) => {
      const member = new GroupMember(client, { groupId: `group-${i}`, topics: { first: 1 }, ...sizes })
      await member.join()
      await commitOffsets(client, member, [{ topic: 'first', partition: 0, offset: 1 }])
    }),
  )
  await delay(2_000)
  const grown = Math.max(0, memoryMb(pid).now - before)
  for (const client of clients) client.close()
  atMost(
    `memory of ${options.connections} idle connections and ${options.groups} groups`,
    grown,
    'MiB',
    memoryGoalMb,
  )
}
