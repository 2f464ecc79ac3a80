// ClickHouse's Kafka table engine, inside chDB, as a driver of the interop rig: it writes by INSERT and reads by SELECT.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Session } from 'chdb'
import type { ConsumeJob, Job, ProduceJob } from '../job.ts'
import { type Operations, serve, tell, tellRecord } from './node-driver.ts'

const folder = mkdtempSync(join(tmpdir(), 'logdrive-chdb-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const session = new Session(folder)
session.query('CREATE DATABASE interop ENGINE = Atomic')
let tables = 0

interface Row {
  readonly value: string
  readonly key: string
  readonly partition: string
  readonly offset: string
  readonly timestamp: string
  readonly names: readonly string[]
  readonly values: readonly string[]
}

/** A table of the Kafka engine for a job; a row is a message. */
function table(job: ProduceJob | ConsumeJob): string {
  const name = `interop.t${++tables}`
  const { security } = job
  const settings: Record<string, string | undefined> = {
    kafka_broker_list: job.brokers,
    kafka_topic_list: job.topic,
    kafka_group_name: job.op === 'consume' ? job.group : `writer-${process.pid}`,
    kafka_format: 'RawBLOB',
    kafka_security_protocol: security?.protocol,
    kafka_sasl_mechanism: security?.mechanism,
    kafka_sasl_username: security?.username,
    kafka_sasl_password: security?.password,
    kafka_compression_codec: job.op === 'produce' ? job.codec : undefined,
  }
  const given = Object.entries(settings).filter(([, value]) => value !== undefined)
  const text = given.map(([key, value]) => `${key} = '${value}'`).join(', ')
  session.query(`CREATE TABLE ${name} (value String) ENGINE = Kafka SETTINGS ${text}`)
  return name
}

const nothing = async (job: Job) => {
  throw new Error(`ClickHouse does not ${job.op}`)
}

const operations: Operations = {
  async produce(job) {
    const name = table(job)
    const rows = job.records.map(({ value }) => `(base64Decode('${value ?? ''}'))`)
    session.query(`INSERT INTO ${name} VALUES ${rows.join(', ')}`)
    session.query(`DROP TABLE ${name} SYNC`)
    return { acks: null }
  },

  async consume(job) {
    const name = table(job)
    tell({ ev: 'ready' })
    const until = performance.now() + job.timeoutMs
    for (let count = 0; count < job.count && performance.now() < until; ) {
      const lines = session
        .query(
          `SELECT base64Encode(value) AS value, base64Encode(_key) AS key, toString(_partition) AS partition,
             toString(_offset) AS offset, toString(toUnixTimestamp64Milli(_timestamp_ms)) AS timestamp,
             _headers.name AS names, arrayMap(one -> base64Encode(one), _headers.value) AS values
           FROM ${name} SETTINGS stream_like_engine_allow_direct_select = 1`,
          'JSONEachRow',
        )
        .split('\n')
        .filter((line) => line !== '')
      for (const line of lines) told(JSON.parse(line) as Row)
      count += lines.length
    }
    session.query(`DROP TABLE ${name} SYNC`)
    return {}
  },

  member: nothing,
  transact: nothing,
  step: nothing,
}

/** A key that is empty may be none: the engine does not tell them apart. */
function told({ value, key, partition, offset, timestamp, names, values }: Row): void {
  tellRecord({
    partition: Number(partition),
    offset: Number(offset),
    timestamp: Number(timestamp),
    key: key === '' ? null : key,
    value,
    headers: names.map((name, index) => [name, values[index] ?? null] as const),
  })
}

await serve(operations)
