// Which file is this? Pure: decides from inode, birth time and hashes whether a file is the one known before.
import { hash } from 'node:crypto'

/** Where a file system keeps a file. `birthtimeNs` tells a reused inode from the old file; 0 where it is not known. */
export interface Locator {
  readonly dev: bigint
  readonly ino: bigint
  readonly birthtimeNs: bigint
}

/** A hash of `length` bytes at a known place. */
export interface Print {
  readonly length: number
  readonly hash: string
}

/** What was kept about the content of a file. */
export interface KnownContent {
  /** First bytes, at most `headBytesMax`. */
  readonly head: Print
  /** Last bytes before `position`, at most `guardBytesMax`. */
  readonly guard: Print
  readonly position: number
}

/** What is there now: prints of the bytes at the known places with the known lengths. */
export interface SeenContent {
  readonly size: number
  readonly head: Print
  readonly guard: Print
}

export const headBytesMax = 1024
export const guardBytesMax = 64
export const emptyPrint: Print = { length: 0, hash: '' }

/**
 * `same`: the same file. `moved`: the same file under another device number, as LVM and network mounts get with a
 * reboot. `replaced`: its inode was given to another file. `different`: nothing in common.
 */
export function compareLocators(known: Locator, seen: Locator): 'same' | 'moved' | 'replaced' | 'different' {
  if (known.ino !== seen.ino) return 'different'
  const sameBirth = known.birthtimeNs === seen.birthtimeNs
  const birthKnown = known.birthtimeNs !== 0n && seen.birthtimeNs !== 0n
  if (known.dev === seen.dev) return birthKnown && !sameBirth ? 'replaced' : 'same'
  return birthKnown && sameBirth ? 'moved' : 'different'
}

/** `same`: go on at the position. `truncated`: the content began anew: next epoch, position 0. */
export function judge(known: KnownContent, seen: SeenContent): 'same' | 'truncated' {
  const whole =
    seen.size >= known.position && isPrint(known.guard, seen.guard) && isPrint(known.head, seen.head)
  return whole ? 'same' : 'truncated'
}

/** The print of some bytes. */
export function printOf(bytes: Uint8Array): Print {
  if (bytes.length === 0) return emptyPrint
  return { length: bytes.length, hash: digest(bytes) }
}

/**
 * The content of a file up to a position, in a word: travels with every batch, is kept by the collector with the
 * position, and tells whether what is in the file now is what the position was reached in. The length of the head goes
 * before it, since that grows with the file: `<head length>:<32 hex digits>`.
 */
export function guardText(head: Print, guard: Print): string {
  return `${head.length}:${digest(`${head.hash}\n${guard.length}\n${guard.hash}`)}`
}

/** The length of the head that a guard text was made with; null when it is none of ours. */
export function guardHeadLength(text: string): number | null {
  const digits = /^(\d{1,4}):[0-9a-f]{32}$/.exec(text)?.[1]
  return digits === undefined || Number(digits) > headBytesMax ? null : Number(digits)
}

/** How long a head print may be for a file of `size` bytes: it grows in steps, so that it is rarely made again. */
export function headLength(size: number): number {
  if (size >= headBytesMax) return headBytesMax
  for (let length = headBytesMax / 2; length >= 64; length /= 2) if (size >= length) return length
  return size
}

/** A locator as a map key. */
export function locatorKey({ dev, ino, birthtimeNs }: Locator): string {
  return `${dev}:${ino}:${birthtimeNs}`
}

/** The locator that a key was made of. */
export function locatorOf(key: string): Locator {
  const [dev = '', ino = '', birthtimeNs = ''] = key.split(':')
  return { dev: BigInt(dev), ino: BigInt(ino), birthtimeNs: BigInt(birthtimeNs) }
}

/**
 * The source id of a file: a UUID (version 8) that follows from the agent's id and the file's locator, so that it is
 * found again when the checkpoints are lost. See docs/decisions/0005-source-identity.md.
 */
export function sourceOf(agentId: string, locator: Locator): string {
  return sourceNamed(agentId, locatorKey(locator))
}

/** The source id of an input that is no file: it follows from the agent's id and the input's name. */
export function inputSourceOf(agentId: string, input: string): string {
  return sourceNamed(agentId, `input ${input}`)
}

function sourceNamed(agentId: string, name: string): string {
  // As text in one call: hash objects and bytes take memory outside the heap, for 20,000 files at once.
  const hex = hash('sha256', `logdrive-source-1\n${agentId}\n${name}`)
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16)
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join('-')
}

function digest(data: string | Uint8Array): string {
  // Not a slice of the whole text: that would keep the whole.
  return hash('sha256', data, 'buffer').toString('hex', 0, 16)
}

function isPrint(known: Print, seen: Print): boolean {
  return seen.length === known.length && seen.hash === known.hash
}
