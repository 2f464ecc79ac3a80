// Where an input of the journal stands, in the state folder: `journal-<input>.cursor`. The collector's word goes before it.
//
//   logdrive-journal 1\n
//   <CRC-32C of the rest, 8 hex digits> {"epoch":…,"to":…,"cursor":"…"}\n
import { isCode, LogdriveError } from '../../../core/errors.ts'
import type { Runtime } from '../../../core/runtime.ts'
import { crc32c } from '../../../protocol/crc32c.ts'
import { isCursor } from './cursor.ts'

/** Everything up to number `to` of the epoch was acknowledged or set aside; the last of it is the entry at the cursor. */
export interface JournalState {
  readonly epoch: number
  readonly to: number
  readonly cursor: string
}

type Deps = Pick<Runtime, 'storage' | 'logger'>
const header = 'logdrive-journal 1\n'
const fileBytesMax = 4096

function pathOf(folder: string, input: string): string {
  return `${folder}/journal-${input}.cursor`
}

/** Null when there is none; one that is damaged is said, and is as none. */
export async function readState(
  folder: string,
  input: string,
  { storage, logger }: Deps,
): Promise<JournalState | null> {
  const path = pathOf(folder, input)
  try {
    await using file = await storage.open(path, 'read')
    const bytes = Buffer.alloc(Math.min(fileBytesMax, file.size))
    await file.read(0, bytes)
    const state = decodeState(bytes)
    if (state === null)
      logger.error({ path }, 'the kept cursor is damaged; asking the collector where it stands')
    return state
  } catch (error) {
    if (isCode(error, 'NOT_FOUND')) return null
    if (!(error instanceof LogdriveError)) throw error
    logger.error({ path, err: error }, 'the kept cursor cannot be read; asking the collector where it stands')
    return null
  }
}

/** Safe when it resolves. Throws DISK_FULL, FORBIDDEN, DISK_FAILED. */
export async function writeState(
  folder: string,
  input: string,
  state: JournalState,
  { storage }: Pick<Deps, 'storage'>,
): Promise<void> {
  const path = pathOf(folder, input)
  const aside = `${path}.new`
  {
    await using file = await storage.open(aside, 'write')
    await file.truncate(0)
    await file.write(0, [encodeState(state)])
    await file.sync()
  }
  await storage.rename(aside, path)
  await storage.syncDirectory(folder)
}

/** The whole file. */
export function encodeState({ epoch, to, cursor }: JournalState): Uint8Array {
  const json = JSON.stringify({ epoch, to, cursor })
  return Buffer.from(`${header}${crc(json)} ${json}\n`)
}

/** Null for anything but what `encodeState` wrote. */
export function decodeState(bytes: Uint8Array): JournalState | null {
  const text = Buffer.from(bytes).toString('latin1')
  const json = text.slice(header.length + 9, -1)
  if (text !== `${header}${crc(json)} ${json}\n`) return null
  try {
    const { epoch, to, cursor } = JSON.parse(json)
    const isGood = Number.isSafeInteger(epoch) && Number.isSafeInteger(to) && epoch >= 0 && to >= 0
    return isGood && typeof cursor === 'string' && isCursor(cursor) ? { epoch, to, cursor } : null
  } catch {
    return null
  }
}

function crc(text: string): string {
  return crc32c(Buffer.from(text, 'latin1')).toString(16).padStart(8, '0')
}
