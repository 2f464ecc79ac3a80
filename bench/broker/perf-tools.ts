// Kafka's own perf tools, run against any broker, and what they print.

import { run } from '../../test/interop/commands.ts'
import { kafkaClassPath, kafkaVersions } from '../../test/interop/java.ts'

export interface Cell {
  readonly topic: string
  readonly records: number
  readonly recordBytes: number
  readonly compression: 'none' | 'lz4'
  /** The first so many records count for nothing: a JVM warms up over them, and a new partition. */
  readonly warmUpRecords?: number
}

export interface ProduceFigures {
  /** Of records before compression, in MB (10^6) a second. */
  readonly mbPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** kafka-producer-perf-test with acks=all; `perSecond` of -1 is as fast as it can. */
export async function perfProduce(port: number, cell: Cell, perSecond = -1): Promise<ProduceFigures> {
  const text = await java('org.apache.kafka.tools.ProducerPerformance', [
    ...[
      '--topic',
      cell.topic,
      '--num-records',
      String(cell.records),
      '--record-size',
      String(cell.recordBytes),
      '--warmup-records',
      String(cell.warmUpRecords ?? 0),
    ],
    ...['--throughput', String(perSecond), '--reporting-interval', '1000000'],
    ...['--bootstrap-server', `127.0.0.1:${port}`],
    ...['--command-property', 'acks=all', `compression.type=${cell.compression}`],
  ])
  const last = /([\d.]+) records\/sec .* ([\d.]+) ms 50th, .* ([\d.]+) ms 99th/.exec(
    text.trim().split('\n').at(-1) ?? '',
  )
  if (last === null) throw new Error(`the producer said:\n${text.slice(-2000)}`)
  const [, rate, p50, p99] = last.map(Number)
  return { mbPerSecond: ((rate ?? 0) * cell.recordBytes) / 1e6, p50Ms: p50 ?? 0, p99Ms: p99 ?? 0 }
}

/** kafka-consumer-perf-test from the beginning; MB (10^6) a second of the time in which it fetched. */
export async function perfConsume(port: number, cell: Cell): Promise<number> {
  const text = await java('org.apache.kafka.tools.ConsumerPerformance', [
    ...['--topic', cell.topic, '--num-records', String(cell.records), '--hide-header'],
    ...['--bootstrap-server', `127.0.0.1:${port}`, '--timeout', '30000'],
  ])
  const line = text.split('\n').find((each) => /^\d{4}-\d\d-\d\d /.test(each))
  const columns = line?.split(',').map((column) => column.trim()) ?? []
  // start, end, MiB, MiB/s, records, records/s, rebalance ms, fetch ms, MiB/s and records/s of fetching.
  const [records, fetchMs] = [Number(columns[4]), Number(columns[7])]
  if (!(records >= cell.records) || !(fetchMs > 0))
    throw new Error(`the consumer said:\n${text.slice(-2000)}`)
  return (records * cell.recordBytes) / 1e6 / (fetchMs / 1000)
}

async function java(mainClass: string, args: readonly string[]): Promise<string> {
  const classPath = await kafkaClassPath(kafkaVersions.server)
  const flags = ['-Xmx512m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error']
  return await run('java', [...flags, '-cp', classPath, mainClass, ...args], { timeoutMs: 300_000 })
}
