// Cases about administration: topics, their configs and partitions, groups.
import assert from 'node:assert/strict'
import { type Case, done, eventually, isProblem, produceJob, steps, topicOf, type World } from '../case.ts'
import type { AdminStep } from '../job.ts'
import { compressibleRecords } from '../samples.ts'

/** Asks the client; a step that it lacks is asked of nobody. */
async function ask(world: World, step: AdminStep): Promise<unknown> {
  const { results = [] } = await done(world.driver, {
    op: 'admin',
    brokers: world.broker.plain,
    steps: [step],
  })
  const [result] = results
  const lacking = typeof result === 'object' && result !== null && 'unsupported' in result
  if (lacking) return undefined
  assert(!isProblem(result), `${step[0]}: ${JSON.stringify(result)}`)
  return result
}

async function truth(world: World, step: AdminStep): Promise<unknown> {
  const [result] = await steps(world.reference, world.broker.plain, [step])
  return result
}

/** Asserts an answer where the client gave one. */
function assertAnswer(result: unknown, expected: (answer: unknown) => boolean, what: string): void {
  if (result !== undefined) assert(expected(result), `${what}: ${JSON.stringify(result)}`)
}

const topics: Case = {
  name: 'admin topics',
  about: 'create, list, describe, grow, configure, truncate and delete a topic',
  async run(world) {
    const topic = world.name('made')
    const made = await ask(world, ['createTopic', topic, 2, { 'retention.ms': '86400000' }])
    if (made === undefined) await truth(world, ['createTopic', topic, 2, { 'retention.ms': '86400000' }])
    const known = async () => ((await truth(world, ['listTopics'])) as string[]).includes(topic)
    await eventually('the topic is there', known)
    assertAnswer(await ask(world, ['listTopics']), (names) => (names as string[]).includes(topic), 'listed')
    assertAnswer(await ask(world, ['partitions', topic]), (count) => count === 2, 'partitions')
    const config = (value: string) => (found: unknown) =>
      (found as Record<string, string>)['retention.ms'] === value
    assertAnswer(await ask(world, ['configs', topic]), config('86400000'), 'retention.ms')
    if ((await ask(world, ['alterConfigs', topic, { 'retention.ms': '3600000' }])) !== undefined) {
      const altered = async () => config('3600000')(await truth(world, ['configs', topic]))
      await eventually('the config is altered', altered)
    }
    if ((await ask(world, ['createPartitions', topic, 4])) !== undefined) {
      await eventually('it has grown', async () => (await truth(world, ['partitions', topic])) === 4)
    }
    await done(world.reference, produceJob(world, topic, compressibleRecords('to be deleted', 'any')))
    if ((await ask(world, ['deleteRecords', topic, 0, 60])) !== undefined) {
      const job = { op: 'consume', brokers: world.broker.plain, topic, from: 'beginning', count: 40 } as const
      const { records } = await done(world.reference, {
        ...job,
        timeoutMs: 20_000,
        group: world.name('after'),
      })
      assert.deepEqual([records.length, records[0]?.offset], [40, 60], 'records from the new start on')
    }
    if ((await ask(world, ['deleteTopic', topic])) !== undefined) {
      await eventually('the topic is gone', async () => !(await known()))
    }
  },
}

const groups: Case = {
  name: 'admin groups',
  about: 'list and describe a live group, read its offsets, delete it when it is empty',
  async run(world) {
    const topic = await topicOf(world, 1)
    const group = world.name('group')
    await done(world.reference, produceJob(world, topic, compressibleRecords('for a group', 'any')))
    const member = world.client.driver()
    try {
      const running = member.run({ op: 'member', brokers: world.broker.plain, topic, group })
      await eventually('the member read all', () => running.records.length >= 100, [running])
      assertAnswer(await ask(world, ['listGroups']), (names) => (names as string[]).includes(group), 'listed')
      assertAnswer(await ask(world, ['describeGroup', group]), (found) => isStable(found), 'described')
      await member.end?.('SIGTERM')
    } finally {
      await member[Symbol.asyncDispose]()
    }
    assertAnswer(await ask(world, ['groupOffsets', group, topic]), (found) => sameOffsets(found), 'offsets')
    if ((await ask(world, ['deleteGroup', group])) !== undefined) {
      const gone = async () => !((await truth(world, ['listGroups'])) as string[]).includes(group)
      await eventually('the group is gone', gone)
    }
  },
}

function isStable(found: unknown): boolean {
  const { state, members } = found as { state: string; members: number }
  return state.toLowerCase() === 'stable' && members === 1
}

function sameOffsets(found: unknown): boolean {
  return JSON.stringify(found) === '{"0":100}'
}

export const adminCases: readonly Case[] = [topics, groups]
