// State files: small JSON values on disk, with version, kind and checksum, replaced as a whole or not at all.
//
//  at  bytes  field
//   0      4  "LDST"
//   4      2  version, 1
//   6      2  kind (see `StateKind`)
//   8      4  payload bytes
//  12      4  CRC-32C of bytes 0-11 and the payload
//  16         payload, JSON in UTF-8
//
// All big-endian; docs/storage-format.md.
import { isCode, LogdriveError } from '../../core/errors.ts'
import type { Storage } from '../../core/runtime.ts'
import { crc32c } from '../../protocol/crc32c.ts'

/** What a state file holds; the number is on disk, never given out twice. */
const stateKinds = {
  logCheckpoint: 1,
  sourcesSnapshot: 2,
  cleanShutdown: 3,
  security: 4,
  producersSnapshot: 5,
  producerIds: 6,
  clusterId: 7,
} as const
export type StateKind = keyof typeof stateKinds

const overheadBytes = 16
const version = 1
const magic = 0x4c445354
/** A state file larger than this is not ours: nothing is allocated for it. */
const stateBytesMax = 256 * 1024 * 1024

/** Replaces the file: written aside, synced, renamed, directory synced. Throws DISK_FULL (the old one is still there) or DISK_FAILED. */
export async function writeState(
  storage: Storage,
  directory: string,
  name: string,
  kind: StateKind,
  value: unknown,
): Promise<void> {
  const aside = `${directory}/${name}.tmp`
  const bytes = encodeState(kind, value)
  try {
    await using file = await storage.open(aside, 'write')
    await file.truncate(0)
    await file.write(0, [bytes])
    await file.sync()
  } catch (error) {
    if (isCode(error, 'DISK_FULL')) await storage.remove(aside)
    throw error
  }
  await storage.rename(aside, `${directory}/${name}`)
  await storage.syncDirectory(directory)
}

/** The value in the file, or null when there is none. Throws STATE_CORRUPT when its bytes are not what was written. */
export async function readState(
  storage: Storage,
  directory: string,
  name: string,
  kind: StateKind,
): Promise<unknown> {
  const path = `${directory}/${name}`
  const bytes = await readWhole(storage, path, stateBytesMax)
  if (bytes === null) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const fits = bytes.length >= overheadBytes && view.getUint32(8) === bytes.length - overheadBytes
  if (!fits || view.getUint32(0) !== magic) throw corruptState(path, 'it is cut short or not a state file')
  if (view.getUint16(4) !== version) throw otherVersion(path, view.getUint16(4))
  if (view.getUint16(6) !== stateKinds[kind]) throw corruptState(path, `its kind is ${view.getUint16(6)}`)
  if (view.getUint32(12) !== checksum(bytes)) throw corruptState(path, 'its checksum is wrong')
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(overheadBytes)))
  } catch (error) {
    throw new LogdriveError('STATE_CORRUPT', `${path}: its payload is not JSON`, { cause: error })
  }
}

/** All bytes of a file, or null when it does not exist. Throws STATE_CORRUPT above `bytesMax`. */
export async function readWhole(
  storage: Storage,
  path: string,
  bytesMax: number,
): Promise<Uint8Array | null> {
  try {
    await using file = await storage.open(path, 'read')
    if (file.size > bytesMax)
      throw corruptState(path, `it has ${file.size} bytes, at most ${bytesMax} are read`)
    const bytes = new Uint8Array(file.size)
    const count = await file.read(0, bytes)
    return bytes.subarray(0, count)
  } catch (error) {
    if (isCode(error, 'NOT_FOUND')) return null
    throw error
  }
}

function encodeState(kind: StateKind, value: unknown): Uint8Array {
  const payload = new TextEncoder().encode(JSON.stringify(value))
  const bytes = new Uint8Array(overheadBytes + payload.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, magic)
  view.setUint16(4, version)
  view.setUint16(6, stateKinds[kind])
  view.setUint32(8, payload.length)
  bytes.set(payload, overheadBytes)
  view.setUint32(12, checksum(bytes))
  return bytes
}

function checksum(bytes: Uint8Array): number {
  return crc32c(bytes.subarray(overheadBytes), crc32c(bytes.subarray(0, 12)))
}

function otherVersion(path: string, found: number): LogdriveError {
  const hint = 'Run the version of Logdrive that wrote it, or a later one.'
  return new LogdriveError('STATE_CORRUPT', `${path}: its version is ${found}, this reads ${version}`, {
    hint,
  })
}

function corruptState(path: string, what: string): LogdriveError {
  return new LogdriveError('STATE_CORRUPT', `${path}: ${what}`)
}
