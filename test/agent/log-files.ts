// Log files of tests: their names, and what logrotate does to them.
import fs from 'node:fs'

/** `f00`, `f01` and so on. */
export function logNames(count: number, letter = 'f'): readonly string[] {
  return Array.from({ length: count }, (_, number) => `${letter}${String(number).padStart(2, '0')}`)
}

/** The path becomes `.1`, `.1` becomes `.2` and so on; nothing is at the path then. */
export function rotateLog(log: string): void {
  shiftRotated(log)
  fs.renameSync(log, `${log}.1`)
}

/** `.1` becomes `.2` and so on; `end` is what the names have behind the number. */
export function shiftRotated(log: string, end = ''): void {
  let count = 0
  while (fs.existsSync(`${log}.${count + 1}${end}`)) count += 1
  for (let old = count; old >= 1; old -= 1) fs.renameSync(`${log}.${old}${end}`, `${log}.${old + 1}${end}`)
}
