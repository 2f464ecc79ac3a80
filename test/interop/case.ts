// What a case of the matrix is: a name, what it needs of a client, and an assertion on bytes and offsets.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { Broker, WayIn } from './broker.ts'
import type { Driver, RunningJob } from './driver.ts'
import type {
  AdminStep,
  ConsumedRecord,
  ConsumeJob,
  Counted,
  Done,
  Job,
  JobRecord,
  ProduceJob,
} from './job.ts'
import { byPartition, essence, inOrder, isText, type Shapes } from './samples.ts'

/** What a client speaks that can be a member of the newer protocol (KIP-848). */
export const newerGroups = '`group.protocol=consumer`'

/** A client and what it cannot do, each with the reason that stands in the table. */
export interface Client {
  readonly name: string
  readonly version: string
  readonly shapes: Shapes
  readonly lacks: Readonly<Record<string, string>>
  /** What only some clients do, by the words of `Case.needs`. */
  readonly speaks?: readonly string[]
  /** A driver of its own; members of groups get one each. */
  driver(): Driver & { end?(signal: NodeJS.Signals): Promise<void> }
}

/** What a case works with. Names made by `name` are new for each case, so that cases do not meet. */
export interface World {
  readonly broker: Broker
  readonly client: Client
  readonly driver: Driver
  readonly reference: Driver
  name(what: string): string
}

export interface Case {
  readonly name: string
  readonly about: string
  /** What a client has to say that it speaks. */
  readonly needs?: string
  run(world: World): Promise<void>
}

export const timeoutMs = 30_000

/** Makes a topic by the reference. */
export async function topicOf(
  world: World,
  partitions: number,
  configs: Readonly<Record<string, string>> = {},
): Promise<string> {
  const topic = world.name('topic')
  await steps(world.reference, world.broker.plain, [['createTopic', topic, partitions, configs]])
  return topic
}

/** Runs a job to its end. */
export async function done(driver: Driver, job: Job): Promise<Done & { records: readonly ConsumedRecord[] }> {
  const running = driver.run(job)
  const result = await running.finished
  return { ...result, records: running.records }
}

/** Runs steps of an administrator that all must work. */
export async function steps(driver: Driver, brokers: string, list: readonly AdminStep[]): Promise<unknown[]> {
  const { results = [] } = await done(driver, { op: 'admin', brokers, steps: list })
  for (const [index, result] of results.entries()) {
    assert(!isProblem(result), `${JSON.stringify(list[index])}: ${JSON.stringify(result)}`)
  }
  return [...results]
}

export function isProblem(result: unknown): boolean {
  return typeof result === 'object' && result !== null && ('error' in result || 'unsupported' in result)
}

export function produceJob(
  world: World,
  topic: string,
  records: readonly JobRecord[],
  way: Partial<WayIn> = {},
): ProduceJob {
  return { op: 'produce', brokers: world.broker.plain, topic, records, ...way }
}

export function consumeJob(
  world: World,
  topic: string,
  count: number,
  more: Partial<ConsumeJob> = {},
): ConsumeJob {
  const group = world.name('reader')
  return {
    op: 'consume',
    brokers: world.broker.plain,
    topic,
    from: 'beginning',
    count,
    timeoutMs,
    group,
    ...more,
  }
}

/** The records of a topic from its beginning, read by the reference, in order. */
export async function readAll(
  world: World,
  topic: string,
  count: number,
  more: Partial<ConsumeJob> = {},
): Promise<ConsumedRecord[]> {
  const { records } = await done(world.reference, consumeJob(world, topic, count, more))
  return inOrder(records)
}

/** Produces by the client; `sent` is what it was asked to write, or what a client made up that only writes its own. */
export async function produced(
  world: World,
  job: ProduceJob,
): Promise<Done & { sent: readonly JobRecord[] }> {
  const result = await done(world.driver, job)
  const sent = result.written ?? job.records
  assert.equal(sent.length, job.records.length, 'records written')
  return { ...result, sent }
}

/** Reads by the client, and asserts that it is what was sent. */
export async function assertReads(
  world: World,
  topic: string,
  sent: readonly JobRecord[],
  what: string,
  more: Partial<ConsumeJob> = {},
): Promise<readonly ConsumedRecord[]> {
  const { records, ...result } = await done(world.driver, consumeJob(world, topic, sent.length, more))
  assertRead(records, result, sent, what)
  return inOrder(records)
}

/** Asserts that a job read what was sent: each record, or how many and how much where the client tells no more. */
export function assertRead(
  records: readonly ConsumedRecord[],
  { counted }: Done,
  sent: readonly JobRecord[],
  what: string,
): void {
  if (counted === undefined) assertSame(inOrder(records), sent, what)
  else assert.deepEqual(counted, countedOf(sent), what)
}

function countedOf(sent: readonly JobRecord[]): Counted {
  const parts = sent.flatMap(({ key, value }) => [key ?? '', value ?? ''])
  const bytes = parts.reduce((sum, part) => sum + Buffer.from(part, 'base64').length, 0)
  return { records: sent.length, megabytes: (bytes / 1024 / 1024).toFixed(4) }
}

/** Without the records that the client cannot tell from others. */
export function fitting<Some extends JobRecord>({ lacks }: Client, records: readonly Some[]): Some[] {
  return records
    .filter(({ value }) => value !== '' || lacks['empty values'] === undefined)
    .filter(({ value }) => value !== null || lacks['null values'] === undefined)
    .filter(({ value }) => isText(value) || lacks['binary values'] === undefined)
}

/** Asserts that what was read is what was sent: same bytes, same order in each partition, nothing more. */
export function assertSame(read: readonly ConsumedRecord[], sent: readonly JobRecord[], what: string): void {
  const got = byPartition(read)
  for (const [partition, expected] of byPartition(sent)) {
    assertList(got.get(partition) ?? [], expected, `${what}, partition ${partition}`)
    got.delete(partition)
  }
  assert.equal(got.size, 0, `${what}: records in partitions ${[...got.keys()]} that nothing was sent to`)
}

/** Asserts that all were read, whatever their partition. */
export function assertSameSet(read: readonly JobRecord[], sent: readonly JobRecord[], what: string): void {
  assertList(read.map(essence).sort(), sent.map(essence).sort(), what)
}

/** Asserts acks: each record lies at the place that was told for it. */
export function assertAcks(read: readonly ConsumedRecord[], sent: readonly JobRecord[], result: Done): void {
  if (result.acks === null || result.acks === undefined) return
  assert.equal(result.acks.length, sent.length, 'an ack for each record')
  const places = new Map(read.map((record) => [`${record.partition}@${record.offset}`, essence(record)]))
  for (const [index, [partition, offset]] of result.acks.entries()) {
    const record = sent[index]
    assert(record !== undefined)
    assert.equal(
      places.get(`${partition}@${offset}`),
      essence(record),
      `the record acked at ${partition}@${offset}`,
    )
  }
}

/** Waits until something holds; a member's failure ends the wait. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  jobs: readonly RunningJob[] = [],
  limitMs = 40_000,
): Promise<void> {
  const until = performance.now() + limitMs
  let trouble: unknown
  for (const job of jobs) job.finished.catch((error: unknown) => (trouble ??= error))
  while (!(await holds())) {
    if (trouble !== undefined) throw new Error(`${what}: a member failed: ${String(trouble)}`)
    if (performance.now() > until) {
      throw new Error(
        `not within ${limitMs / 1000} s: ${what}; members hold ${JSON.stringify(jobs.map((job) => job.assigned))}`,
      )
    }
    await delay(50)
  }
}

function assertList(got: readonly string[], expected: readonly string[], what: string): void {
  const at = expected.findIndex((text, index) => got[index] !== text)
  const where = at === -1 ? expected.length : at
  const short = (text: string | undefined) => (text === undefined ? 'nothing' : text.slice(0, 120))
  assert(
    at === -1 && got.length === expected.length,
    `${what}: ${got.length} records for ${expected.length}; number ${where} is ${short(got[where])}, expected ${short(expected[where])}`,
  )
}
