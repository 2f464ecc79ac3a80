// kcat as a driver: jobs become command lines, its output is parsed by lengths, so that any bytes may be in a record.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommandDriver, programOf, type Workplace } from './command-driver.ts'
import { run } from './commands.ts'
import type {
  AdminJob,
  ConsumedRecord,
  ConsumeJob,
  Done,
  Job,
  JobRecord,
  MemberJob,
  ProduceJob,
  TransactJob,
} from './job.ts'

/** partition, offset, timestamp, lengths of key and value, then their bytes, then the headers up to the end of the line. */
const format = '%p %o %T %K %S\n%k%s%h\n'

/** kcat for the rig: a run of it for each job, or for each kind of record. */
export function kcatDriver(): CommandDriver {
  return new CommandDriver(perform)
}

async function perform(job: Job, place: Workplace): Promise<Done> {
  switch (job.op) {
    case 'produce':
      await produce(job, job.records, idempotence(job), place.folder)
      return { acks: null }
    case 'transact':
      return transact(job, place.folder)
    case 'admin':
      return { results: await Promise.all(job.steps.map((step) => answer(job, step))) }
    case 'consume':
      return read(consumeArguments(job), job.count, place)
    case 'member':
      return read(memberArguments(job), Number.POSITIVE_INFINITY, place)
  }
}

/** Reads until `count` records are there, or until it is ended. */
function read(args: readonly string[], count: number, place: Workplace): Promise<Done> {
  const child = spawn('kcat', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  place.started(programOf(child))
  const { promise, resolve, reject } = Promise.withResolvers<Done>()
  let output = Buffer.alloc(0)
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output = parsed(Buffer.concat([output, chunk]), place.records)
    if (place.records.length >= count) child.kill('SIGTERM')
  })
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString('utf8')).slice(-4000)
    if (errors.includes('Reached end of topic')) place.ready()
    const last = [...errors.matchAll(/rebalanced \(memberid [^)]*\): (assigned|revoked):(.*)\n/g)].at(-1)
    if (last !== undefined) place.assigned(last[1] === 'assigned' ? partitionsIn(last[2] ?? '') : [])
  })
  child.on('error', reject)
  child.on('close', (code, signal) => {
    if (code === 0 || signal !== null || place.records.length >= count) resolve({})
    else reject(new Error(`kcat ended with ${code}: ${errors.slice(-1500)}`))
  })
  return promise
}

function partitionsIn(text: string): number[] {
  return [...text.matchAll(/\[(\d+)\]/g)].map((match) => Number(match[1]))
}

/** Takes whole records off the front of the output; gives what is left. */
function parsed(output: Buffer, records: ConsumedRecord[]): Buffer<ArrayBuffer> {
  let rest = output
  while (true) {
    const line = rest.indexOf(10)
    if (line === -1) break
    const [partition = 0, offset = 0, timestamp = 0, keyLength = 0, valueLength = 0] = rest
      .toString('latin1', 0, line)
      .split(' ')
      .map(Number)
    const keyEnd = line + 1 + Math.max(0, keyLength)
    const valueEnd = keyEnd + Math.max(0, valueLength)
    const end = rest.indexOf(10, valueEnd)
    if (end === -1) break
    const part = (from: number, to: number) => rest.toString('base64', from, to)
    records.push({
      partition,
      offset,
      timestamp,
      key: keyLength < 0 ? null : part(line + 1, keyEnd),
      value: valueLength < 0 ? null : part(keyEnd, valueEnd),
      headers: headersIn(rest.toString('utf8', valueEnd, end)),
    })
    rest = rest.subarray(end + 1)
  }
  return Buffer.from(rest)
}

function headersIn(text: string): [string, string | null][] {
  if (text === '') return []
  return text.split(',').map((header) => {
    const [name = '', value = ''] = header.split(/=(.*)/s)
    return [name, value === 'NULL' ? null : Buffer.from(value).toString('base64')]
  })
}

function access(job: Job): string[] {
  const settings: string[] = []
  const { security } = job
  if (security !== undefined) {
    settings.push(`security.protocol=${security.protocol}`)
    if (security.mechanism !== undefined) settings.push(`sasl.mechanism=${security.mechanism}`)
    if (security.username !== undefined) settings.push(`sasl.username=${security.username}`)
    if (security.password !== undefined) settings.push(`sasl.password=${security.password}`)
    if (security.ca !== undefined) settings.push(`ssl.ca.location=${security.ca}`)
    if (security.cert !== undefined) settings.push(`ssl.certificate.location=${security.cert}`)
    if (security.key !== undefined) settings.push(`ssl.key.location=${security.key}`)
  }
  return ['-b', job.brokers, ...settings.flatMap((setting) => ['-X', setting])]
}

function idempotence(job: ProduceJob): readonly string[] {
  return job.idempotent === true ? ['-X', 'enable.idempotence=true'] : []
}

/** A kcat for each run of records that share partition, key, headers and the kind of value. */
async function produce(
  job: ProduceJob | TransactJob,
  records: readonly JobRecord[],
  more: readonly string[],
  folder: string,
): Promise<void> {
  const text = (value: string | null) => Buffer.from(value ?? '', 'base64').toString('utf8')
  const codec = job.op === 'produce' ? (job.codec ?? 'none') : 'none'
  const settings = ['acks=all', 'message.timeout.ms=20000', 'linger.ms=50'].flatMap((one) => ['-X', one])
  for (const group of runsOf(records)) {
    const [first = { key: null, value: null }] = group
    const place = first.partition === undefined ? [] : ['-p', String(first.partition)]
    const headers = (first.headers ?? []).flatMap(([name, value]) => ['-H', `${name}=${text(value)}`])
    const args = [
      '-P',
      '-t',
      job.topic,
      ...access(job),
      ...more,
      ...settings,
      '-z',
      codec,
      ...place,
      ...headers,
    ]
    const key = text(first.key)
    if (kindOf(first) === 'bytes') {
      const files = group.map((record, index) => {
        const file = join(folder, `${index}`)
        writeFileSync(file, Buffer.from(record.value ?? '', 'base64'))
        return file
      })
      await run('kcat', [...args, ...(first.key === null ? [] : ['-k', key]), ...files], {
        timeoutMs: 60_000,
      })
    } else {
      // kcat skips empty files; a line of a key and nothing else is an empty value, or with -Z a null one.
      const lines = group.map(() => `${key}\t\n`).join('')
      const nulls = first.value === null ? ['-Z'] : []
      await run('kcat', [...args, ...nulls, '-K', '\\t'], { input: lines, timeoutMs: 60_000 })
    }
  }
}

function kindOf(record: JobRecord): 'bytes' | 'empty' | 'null' {
  if (record.value === null) return 'null'
  return record.value === '' ? 'empty' : 'bytes'
}

function runsOf(records: readonly JobRecord[]): JobRecord[][] {
  const runs: JobRecord[][] = []
  const kind = (record: JobRecord) =>
    JSON.stringify([record.partition, record.key, record.headers, kindOf(record)])
  for (const record of records) {
    const last = runs.at(-1)
    if (last?.[0] !== undefined && kind(last[0]) === kind(record)) last.push(record)
    else runs.push([record])
  }
  return runs
}

/** kcat makes a transaction of all that one run of it produces: one for each partition. */
async function transact(job: TransactJob, folder: string): Promise<Done> {
  for (const { records } of job.transactions) {
    const sorted = records.toSorted((a, b) => (a.partition ?? 0) - (b.partition ?? 0))
    await produce(job, sorted, ['-X', `transactional.id=${job.transactionalId}`], folder)
  }
  return {}
}

function reading(job: ConsumeJob | MemberJob): string[] {
  return [...access(job), '-u', '-f', format, '-X', 'check.crcs=true', '-X', 'fetch.wait.max.ms=100']
}

function consumeArguments(job: ConsumeJob): string[] {
  const offset = typeof job.from === 'object' ? `s@${job.from.time}` : job.from
  const isolation = `isolation.level=${job.isolation ?? 'read_uncommitted'}`
  return ['-C', '-t', job.topic, '-o', offset, '-X', isolation, ...reading(job)]
}

function memberArguments(job: MemberJob): string[] {
  const settings = [
    `session.timeout.ms=${job.sessionTimeoutMs ?? 10_000}`,
    'heartbeat.interval.ms=1000',
    'auto.offset.reset=earliest',
    'auto.commit.interval.ms=200',
    ...(job.assignor === undefined ? [] : ['partition.assignment.strategy=cooperative-sticky']),
  ]
  return ['-G', job.group, ...settings.flatMap((one) => ['-X', one]), ...reading(job), job.topic]
}

async function answer(job: AdminJob, step: AdminJob['steps'][number]): Promise<unknown> {
  if (step[0] !== 'listTopics' && step[0] !== 'partitions') return { unsupported: step[0] }
  const topic = step[0] === 'partitions' ? ['-t', step[1]] : []
  const listed = JSON.parse(await run('kcat', ['-L', '-J', ...access(job), ...topic])) as {
    topics: { topic: string; partitions: unknown[] }[]
  }
  if (step[0] === 'listTopics') return listed.topics.map((one) => one.topic)
  return listed.topics[0]?.partitions.length
}
