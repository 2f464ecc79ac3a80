// Texts of /proc: read to their end whatever their size says, and cut into numbers that are believed only when they are some.
import { LogdriveError } from '../../core/errors.ts'
import type { Files } from '../../core/runtime.ts'

/** No text of ours is as long: /proc/stat of a thousand CPUs has 200 KB. */
const textBytesMax = 4 * 1024 * 1024
const firstBytes = 16 * 1024

/** Reads a whole text. Throws NOT_FOUND, FORBIDDEN, UNAVAILABLE, and SCHEMA_INVALID when it does not end. */
export async function readText(files: Pick<Files, 'open'>, path: string): Promise<string> {
  await using file = await files.open(path)
  let room = Buffer.allocUnsafe(firstBytes)
  let end = 0
  while (true) {
    const count = await file.read(end, room.subarray(end))
    end += count
    if (end < room.length) return room.toString('utf8', 0, end)
    if (room.length >= textBytesMax) throw malformed(path, `it is longer than ${textBytesMax} bytes`)
    room = Buffer.concat([room, Buffer.allocUnsafe(room.length)])
  }
}

/** The lines of a text, each cut at white space; empty ones are left out. */
export function fieldsOf(text: string): readonly (readonly string[])[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[0] !== '')
}

/** Decimal digits as a number. Throws SCHEMA_INVALID for anything else. */
export function numberIn(text: string | undefined, where: string): number {
  if (text === undefined || !/^\d{1,20}(\.\d{1,9})?$/.test(text))
    throw malformed(where, 'a number is missing')
  return Number(text)
}

/** The error of a text that is not what the kernel writes. */
export function malformed(where: string, reason: string): LogdriveError {
  return new LogdriveError('SCHEMA_INVALID', `${where} is not as expected: ${reason}`)
}
