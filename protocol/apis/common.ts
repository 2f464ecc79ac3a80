// Rows that many messages share.

import { array, type Field, field, int16, int32, int64, string, struct, type Versions } from '../schema.ts'

/** How long a client over its quota is asked to be silent. */
export function throttleTimeMs(versions: Versions): Field<number, number, true> {
  return field(int32, versions, 'How many milliseconds the client must pause for its quota, 0 for none.', {
    default: 0,
  })
}

/** The outcome of what it stands beside. */
export function errorCode(versions: Versions): Field<number, number, false> {
  return field(int16, versions, 'The error code, 0 for success.')
}

/** The outcome in words. */
export function errorMessage(versions: Versions): Field<string | null, string | null, true> {
  return field(string, versions, 'What went wrong in words, or null.', {
    nullable: versions,
    default: null,
  })
}

/** Where a client finds a leader that an error told it of (KIP-951). */
export const nodeEndpoint = struct({
  nodeId: field(int32, '0+', 'The id of the broker.'),
  host: field(string, '0+', 'Its host name.'),
  port: field(int32, '0+', 'Its port.'),
  rack: field(string, '0+', 'Its rack, or null.', { nullable: '0+', default: null }),
})

/** The leader of a partition as the broker knows it. */
export const leaderIdAndEpoch = struct({
  leaderId: field(int32, '0+', 'The id of the leader, -1 when unknown.', { default: -1 }),
  leaderEpoch: field(int32, '0+', 'The newest leader epoch known, -1 for none.', { default: -1 }),
})

/** The name that a static member keeps over restarts (KIP-345). */
export function groupInstanceId(versions: Versions): Field<string | null, string | null, true> {
  return field(string, versions, 'The instance id of a static member, or null.', {
    nullable: versions,
    default: null,
  })
}

/** One partition's offset of a group, as OffsetCommit and TxnOffsetCommit have it but for when the leader epoch came in. */
export function committedTopic(leaderEpochSince: Versions) {
  const partition = struct({
    partitionIndex: field(int32, '0+', 'The number of the partition.'),
    committedOffset: field(int64, '0+', 'The next offset to read.'),
    committedLeaderEpoch: field(
      int32,
      leaderEpochSince,
      'The leader epoch of the last record read, -1 when unknown.',
      { default: -1 },
    ),
    committedMetadata: field(string, '0+', 'A note of the client, or null.', { nullable: '0+' }),
  })
  return struct({
    name: field(string, '0+', 'The name of the topic.'),
    partitions: field(array(partition), '0+', 'Its partitions.'),
  })
}

const partitionOutcome = struct({
  partitionIndex: field(int32, '0+', 'The number of the partition.'),
  errorCode: errorCode('0+'),
})

/** A topic with the outcome of each partition. */
export const topicOutcomes = struct({
  name: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(partitionOutcome), '0+', 'Its partitions.'),
})
