// Admission: what a Kafka client's batch must be before a partition takes it, and what the topic's configs make of it.
import { decodeBatch } from '../../../protocol/batch-decode.ts'
import {
  type BatchHeader,
  defaultLimits,
  readHeader,
  stampAppendTime,
} from '../../../protocol/batch-header.ts'
import { KafkaError } from '../../../protocol/errors.ts'
import type { TopicSettings } from '../topics/topic-settings.ts'
import { recompress } from './recompress.ts'

/** A batch as it will be stored. */
export interface Admitted {
  readonly bytes: Uint8Array
  readonly header: BatchHeader
}

/**
 * Checks a verified batch of a client, packs it anew where the topic has a codec of its own, and stamps the time of the
 * append where it asks for that (in place). Looks into the records only where the topic is compacted. Throws
 * INVALID_RECORD; BATCH_CORRUPT and BATCH_TOO_LARGE for records that do not unpack.
 */
export function admitBatch(
  bytes: Uint8Array,
  header: BatchHeader,
  settings: TopicSettings,
  now: number,
): Admitted {
  checkProducer(header)
  if (settings.isCompacted) checkKeys(bytes)
  const { codec, codecLevel } = settings
  const stored = codec === null ? bytes : recompress(bytes, codec, codecLevel, defaultLimits.unpackedBytesMax)
  if (settings.timestampType === 'append') stampAppendTime(stored, now)
  const isSame = stored === bytes && settings.timestampType === 'create'
  return { bytes: stored, header: isSame ? header : readHeader(stored, 0) }
}

function checkProducer({
  isControl,
  isTransactional,
  producerId,
  baseSequence,
  producerEpoch,
}: BatchHeader): void {
  if (isControl) throw new KafkaError('INVALID_RECORD', "control batches are the coordinator's own")
  if (producerId < 0 && isTransactional) {
    throw new KafkaError('INVALID_RECORD', 'a transactional batch has a producer id')
  }
  if (producerId >= 0 && (baseSequence < 0 || producerEpoch < 0)) {
    throw new KafkaError('INVALID_RECORD', 'a batch with a producer id has an epoch and a sequence')
  }
}

function checkKeys(bytes: Uint8Array): void {
  const { keyFrom, count } = decodeBatch(bytes, 0, defaultLimits)
  for (let index = 0; index < count; index += 1) {
    if (keyFrom[index] === -1) {
      throw new KafkaError('INVALID_RECORD', 'every record of a compacted topic has a key')
    }
  }
}
