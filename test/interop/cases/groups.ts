// Cases about groups: two members share the partitions, one leaves or is killed, the other goes on where it stood.
import assert from 'node:assert/strict'
import { type Case, done, eventually, newerGroups, produceJob, steps, topicOf, type World } from '../case.ts'
import type { RunningJob } from '../driver.ts'
import type { JobRecord, MemberJob } from '../job.ts'
import { base64, essence } from '../samples.ts'

const partitions = 4

/** What a case is about, beside what all of them are. */
interface GroupCaseOptions {
  /** How the first member ends. */
  readonly signal: 'SIGTERM' | 'SIGKILL'
  readonly member?: Pick<MemberJob, 'assignor' | 'groupProtocol'>
}

function groupCase(name: string, about: string, { signal, member = {} }: GroupCaseOptions): Case {
  return {
    name,
    about,
    ...(member.groupProtocol === undefined ? {} : { needs: newerGroups }),
    async run(world) {
      const topic = await topicOf(world, partitions)
      const group = world.name('group')
      const one = world.client.driver()
      const two = world.client.driver()
      try {
        const sent: JobRecord[] = []
        const write = async (label: string) => {
          const more = numbered(label)
          sent.push(...more)
          await done(world.reference, produceJob(world, topic, more))
        }
        const job = {
          op: 'member',
          brokers: world.broker.plain,
          topic,
          group,
          sessionTimeoutMs: 6000,
          ...member,
        } as const
        await write('before')
        const first = one.run(job)
        await eventually('the first member holds all', () => held(first).length === partitions, [first])
        await eventually('the first member read all', () => covers([first], sent), [first])
        const second = two.run(job)
        const shared = () =>
          held(first).length === partitions / 2 && disjoint(held(first), held(second), partitions)
        await eventually('both hold two each', shared, [first, second])
        await write('together')
        await eventually('they read all', () => covers([first, second], sent), [first, second])
        assert(
          second.records.every((record) => held(second).includes(record.partition)),
          'the second read only partitions that it held',
        )
        await one.end?.(signal)
        await write('after')
        await eventually('the second holds all', () => held(second).length === partitions, [second])
        await eventually('the second read on', () => covers([first, second], sent), [second])
        await committedToEnd(world, group, topic, sent)
        await two.end?.('SIGTERM')
      } finally {
        await one[Symbol.asyncDispose]()
        await two[Symbol.asyncDispose]()
      }
    },
  }
}

function numbered(label: string): JobRecord[] {
  return Array.from({ length: 40 }, (_, index) => ({
    partition: index % partitions,
    key: null,
    value: base64(`${label} ${index}`),
  }))
}

function held(member: RunningJob): readonly number[] {
  return member.assigned ?? []
}

function disjoint(one: readonly number[], two: readonly number[], count: number): boolean {
  return one.length + two.length === count && new Set([...one, ...two]).size === count
}

function covers(members: readonly RunningJob[], sent: readonly JobRecord[]): boolean {
  const seen = new Set(
    members.flatMap((member) => member.records.map((record) => essence({ ...record, headers: [] }))),
  )
  return sent.every((record) => seen.has(essence(record)))
}

/** The group's offsets, asked of the broker by the reference, come to the end of each partition. */
async function committedToEnd(
  world: World,
  group: string,
  topic: string,
  sent: readonly JobRecord[],
): Promise<void> {
  const ends: Record<string, number> = {}
  for (const { partition = 0 } of sent) ends[partition] = (ends[partition] ?? 0) + 1
  let offsets: unknown
  const reached = async () => {
    ;[offsets] = await steps(world.reference, world.broker.plain, [['groupOffsets', group, topic]])
    return JSON.stringify(offsets) === JSON.stringify(ends)
  }
  await eventually('offsets are committed', reached).catch((error: unknown) => {
    throw new Error(`${String(error)}; offsets ${JSON.stringify(offsets)} for ${JSON.stringify(ends)}`)
  })
}

export const groupCases: readonly Case[] = [
  groupCase('group', 'a second member joins, the first leaves: all is read, offsets are committed', {
    signal: 'SIGTERM',
  }),
  groupCase('group kill', 'kill -9 of a member: the other takes its partitions after the session timeout', {
    signal: 'SIGKILL',
  }),
  groupCase('cooperative', 'the same with cooperative-sticky assignment', {
    signal: 'SIGTERM',
    member: { assignor: 'CooperativeStickyAssignor' },
  }),
  groupCase('group (KIP-848)', 'the same with `group.protocol=consumer`: the broker assigns', {
    signal: 'SIGTERM',
    member: { groupProtocol: 'consumer' },
  }),
  groupCase('group kill (KIP-848)', 'kill -9 of a member with `group.protocol=consumer`', {
    signal: 'SIGKILL',
    member: { groupProtocol: 'consumer' },
  }),
]
