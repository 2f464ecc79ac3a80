// The id of the cluster: made once for a data folder, told to every Kafka client.
import type { Random, Storage } from '../../core/runtime.ts'
import { readState, writeState } from '../log/state-file.ts'

const fileName = 'cluster-id'
const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * The id as Kafka writes it: a UUID in base64url, 22 characters. Throws STATE_CORRUPT: clients that had another id would
 * take this for another cluster.
 */
export async function openClusterId(
  folder: string,
  parts: { readonly storage: Storage; readonly random: Random },
): Promise<string> {
  const kept = await readState(parts.storage, folder, fileName, 'clusterId')
  if (isId(kept)) return shown(kept.uuid)
  const uuid = parts.random.uuid()
  await writeState(parts.storage, folder, fileName, 'clusterId', { uuid })
  return shown(uuid)
}

function isId(value: unknown): value is { readonly uuid: string } {
  if (typeof value !== 'object' || value === null || !('uuid' in value)) return false
  return typeof value.uuid === 'string' && uuidPattern.test(value.uuid)
}

function shown(uuid: string): string {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url')
}
