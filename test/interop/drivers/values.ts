// What the Node drivers translate: bytes as base64, ways in, and acks told as the first offset of each partition.
import { readFileSync } from 'node:fs'
import type { Ack, Job, JobRecord, Security } from '../job.ts'

export function decoded(text: string | null): Buffer | null {
  return text === null ? null : Buffer.from(text, 'base64')
}

export function encoded(bytes: Uint8Array | string | null | undefined): string | null {
  return bytes === null || bytes === undefined ? null : Buffer.from(bytes as Uint8Array).toString('base64')
}

/** What Node's TLS takes for a job: the texts of the PEM files; undefined for a door without TLS. */
export function tlsOf({ security }: Job) {
  if (security?.ca === undefined) return undefined
  const { ca, cert, key } = security
  const text = (path: string) => readFileSync(path, 'utf8')
  return {
    ca: [text(ca)],
    ...(cert === undefined ? {} : { cert: text(cert) }),
    ...(key === undefined ? {} : { key: text(key) }),
  }
}

/** Name and password of a job; undefined for a door without SASL. */
export function loginOf<Mechanism>(
  { security }: Job,
  mechanism: (name: NonNullable<Security['mechanism']>) => Mechanism,
) {
  if (security?.mechanism === undefined) return undefined
  const { username = '', password = '' } = security
  return { mechanism: mechanism(security.mechanism), username, password }
}

/** Acks of a client that tells the first offset of each partition: its records follow in the order they were sent. */
export function acksFrom(
  records: readonly JobRecord[],
  told: readonly { readonly partition: number; readonly offset: number }[],
): readonly Ack[] {
  const next = new Map(told.map(({ partition, offset }) => [partition, offset]))
  return records.map((record) => {
    const partition = record.partition ?? told[0]?.partition ?? -1
    const offset = next.get(partition) ?? -1
    next.set(partition, offset + 1)
    return [partition, offset]
  })
}
