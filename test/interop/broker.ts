// The broker under test with all its doors: plain, SASL, TLS, mutual TLS. Apache Kafka (the rig's reference) or ours.
import type { Security } from './job.ts'

export interface Broker extends AsyncDisposable {
  readonly name: string
  readonly version: string
  /** host:port of the door without any security. */
  readonly plain: string
  /** Why a cell cannot work with this broker: by case, then client. */
  readonly lacks: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Where and how to get in through a door; it is opened with the first call. */
  door(name: Door): Promise<WayIn>
}

export interface BrokerOptions {
  /** Partitions of topics that are made by their first use. */
  readonly partitions?: number
  /** Whether topics are made by their first use; they are when nothing is said. */
  readonly autoCreate?: boolean
  /** ACLs are kept, and everybody may do what no ACL is about. */
  readonly acls?: boolean
}

export interface WayIn {
  readonly brokers: string
  readonly security: Security
}

export const doors = ['sasl-plain', 'scram-256', 'scram-512', 'tls', 'mtls', 'sasl-tls'] as const

export type Door = (typeof doors)[number]

/** The one user of the rig. */
export const user = { username: 'alice', password: 'alice-secret' } as const
