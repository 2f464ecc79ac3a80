// The disk of a live collector fills up: it refuses, goes on reading, and takes records again when there is room.
// A tmpfs of 16 MiB (needs root); where that cannot be mounted a simulated disk of the same kind, and the test says so.
import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openBroker } from '../../collector/broker/broker.ts'
import { isCode } from '../../core/errors.ts'
import { nodeRuntime } from '../../runtime/node.ts'
import { batchHeaders } from '../batch-headers.ts'
import { SeededRandom } from '../sim/random.ts'
import { SimulatedDisk } from '../sim/storage.ts'
import { SourceBatches } from './power-cut/batches.ts'
import { keptPosition, startCollector } from './power-cut/collector.ts'
import { mountTmpfs } from './power-cut/images.ts'
import { check, type Entry, recordText } from './power-cut/ledger.ts'
import { until } from './processes.ts'

const mebibyte = 1024 * 1024
const never = new AbortController().signal
const nothingWrong = { lost: 0, doubled: 0, gaps: 0, wrong: 0, positions: 0 }

const small = trySmallDisk()

if (typeof small === 'string') {
  console.info(`full disk: on a simulated disk, because: ${small}`)

  test('a full simulated disk refuses, keeps what was acknowledged, and resumes', async () => {
    const disk = new SimulatedDisk({ random: new SeededRandom(1, 'disk'), mode: 'hostile' })
    const runtime = { ...nodeRuntime({ level: 'silent' }), storage: disk.storage() }
    await using broker = await openBroker({ folder: '/data', config: {} }, runtime)
    const ledger: Entry[] = []
    const put = async (first: number) => {
      const record = { key: null, timestamp: 1, headers: [], source: null }
      const records = [{ ...record, value: Buffer.from(recordText('w', first)) }]
      const published = await broker.publish('records', records, never)
      const places = published.map(({ partition, offset }) => [partition, offset ?? -1] as const)
      ledger.push({ kind: 'records', topic: 'records', writer: 'w', first, places })
    }
    let n = 0
    for (; n < 50; n += 1) await put(n)
    disk.capacityBytes = 200_000
    const refused = await (async () => {
      for (; ; n += 1) await put(n)
    })().catch((error: unknown) => error)
    expect(isCode(refused, 'DISK_FULL')).toBe(true)
    expect(await check(broker, ledger, never)).toMatchObject(nothingWrong)
    disk.capacityBytes = 2_000_000
    for (let more = 0; more < 50; more += 1) await put(n + 1 + more)
    expect(await check(broker, ledger, never)).toMatchObject(nothingWrong)
  })
} else {
  test('a full disk refuses with 503, keeps what was acknowledged, and resumes by itself', async () => {
    using disk = small
    const data = join(disk.path, 'data')
    const ballast = join(disk.path, 'ballast')
    const ledger: Entry[] = []
    {
      await using collector = await startCollector(data)
      const writer = new Writer(collector.url, ledger)
      for (let i = 0; i < 20; i += 1) expect(await writer.put()).toBe(200)
      for (let round = 1; round <= 3; round += 1) {
        writeFileSync(ballast, Buffer.alloc(freeBytes(disk.path) - 2 * mebibyte, 1))
        const refusal = await writer.fill()
        expect(refusal).toMatchObject({ status: 503, code: 'DISK_FULL' })
        expect(refusal.retryAfter).toBeGreaterThanOrEqual(1)
        expect(collector.process.exited).toBe(false)
        // It refuses in a row, and everything else goes on.
        expect((await writer.fill()).status).toBe(503)
        expect((await fetch(`${collector.url}/healthz`)).status).toBe(200)
        const ready = await fetch(`${collector.url}/readyz`)
        expect({ status: ready.status, text: await ready.text() }).toMatchObject({
          status: 503,
          text: expect.stringContaining('the disk is full'),
        })
        expect(await writer.readBack()).toEqual(writer.acknowledged)
        rmSync(ballast)
        const freed = performance.now()
        await until('records are taken again', 5, async () => ((await writer.put()) === 200 ? true : null))
        console.info(`full disk, round ${round}: resumed after ${Math.round(performance.now() - freed)} ms`)
        for (let i = 0; i < 20; i += 1) expect(await writer.put()).toBe(200)
        expect(await writer.readBack()).toEqual(writer.acknowledged)
      }
      // The last round ends full, and by kill -9.
      writeFileSync(ballast, Buffer.alloc(freeBytes(disk.path) - mebibyte, 1))
      expect((await writer.fill()).status).toBe(503)
      await collector.process.kill()
    }
    await recoverWhileFull(data, ledger)
    rmSync(ballast)
    const runtime = nodeRuntime({ level: 'silent' })
    await using broker = await openBroker({ folder: data, config: {} }, runtime)
    const findings = await check(broker, ledger, never)
    console.info(`full disk: ${JSON.stringify(findings)}`)
    expect(findings).toMatchObject(nothingWrong)
  })
}

/** A collector that starts on a full disk serves what is there, and refuses. */
async function recoverWhileFull(data: string, ledger: Entry[]): Promise<void> {
  await using collector = await startCollector(data, {}, '/healthz')
  const writer = new Writer(collector.url, ledger)
  expect(await writer.readBack()).toEqual(writer.acknowledged)
}

interface Refused {
  readonly status: number
  readonly code: string
  readonly retryAfter: number
}

/** Writes records and batches of a source in turn, and remembers what was acknowledged. */
class Writer {
  readonly #url: string
  readonly #ledger: Entry[]
  readonly #batches = new SourceBatches('src-0')
  #waiting: ReturnType<SourceBatches['next']> | null = null
  #next = 0
  #refusal: Refused | null = null

  constructor(url: string, ledger: Entry[]) {
    this.#url = url
    this.#ledger = ledger
  }

  /** Acknowledged records by topic. */
  get acknowledged(): Readonly<Record<string, number>> {
    const counts = { records: 0, lines: 0 }
    for (const entry of this.#ledger) {
      if (entry.kind === 'records') counts.records += entry.places.length
      else counts.lines += entry.count
    }
    return counts
  }

  /** One request of either kind; gives its status. */
  async put(): Promise<number> {
    const records = await this.#putRecords()
    const batch = await this.#putBatch()
    return records === 200 ? batch : records
  }

  /** Writes until it is refused. */
  async fill(): Promise<Refused> {
    for (let i = 0; i < 20_000; i += 1) {
      if ((await this.put()) !== 200 && this.#refusal !== null) return this.#refusal
    }
    throw new Error('the disk does not get full')
  }

  /** Counts what the collector gives back over HTTP. */
  async readBack(): Promise<Readonly<Record<string, number>>> {
    const counts: Record<string, number> = {}
    for (const topic of ['records', 'lines']) {
      const response = await fetch(`${this.#url}/v1/tail?topic=${topic}&from=beginning`)
      expect(response.status).toBe(200)
      counts[topic] = (await response.text()).split('\n').filter((line) => line.startsWith('data: ')).length
    }
    return counts
  }

  async #putRecords(): Promise<number> {
    const first = this.#next
    const texts = Array.from({ length: 20 }, (_, index) => recordText('w', first + index))
    const body = texts.join('\n')
    const answer = await this.#post(
      '/v1/topics/records/records',
      { 'content-type': 'application/x-ndjson' },
      body,
    )
    if (answer === null) return this.#refusal?.status ?? 0
    const places = (answer.offsets as { partition: number; offset: number }[]).map((place) => {
      return [place.partition, place.offset] as const
    })
    this.#ledger.push({ kind: 'records', topic: 'records', writer: 'w', first, places })
    this.#next += texts.length
    return 200
  }

  /** A batch that was refused is sent again until it is taken, as an agent does; nothing of it may be kept before. */
  async #putBatch(): Promise<number> {
    const batch = this.#waiting ?? this.#batches.next(20)
    this.#waiting = batch
    const { source, epoch, to } = batch.range
    const answer = await this.#post('/v1/topics/lines/batches', batchHeaders(batch.range), batch.bytes())
    if (answer === null) return this.#refusal?.status ?? 0
    expect(answer).toMatchObject({ to, duplicate: false })
    const { first, count } = batch
    const partition = Number(answer.partition)
    this.#ledger.push({ kind: 'batch', topic: 'lines', writer: source, partition, epoch, to, first, count })
    expect(await keptPosition(this.#url, { topic: 'lines', writer: source })).toMatchObject({ epoch, to })
    this.#waiting = null
    return 200
  }

  async #post(
    path: string,
    headers: Record<string, string>,
    body: string | Uint8Array,
  ): Promise<Record<string, unknown> | null> {
    const response = await fetch(`${this.#url}${path}`, { method: 'POST', headers, body })
    const answer = (await response.json()) as Record<string, unknown>
    if (response.status === 200) return answer
    const { code } = (answer.error ?? {}) as { code?: string }
    const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN)
    this.#refusal = { status: response.status, code: code ?? '', retryAfter }
    return null
  }
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}

function trySmallDisk(): ReturnType<typeof mountTmpfs> | string {
  if (process.env.LOGDRIVE_TEST_FULL_DISK === 'simulated') return 'asked for'
  try {
    return mountTmpfs(16 * mebibyte)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
