// The quick way for JSON lines: an application writes the same members in the same order, so a line teaches how the next is.
//
// A shape is the text of a line between its values. A line with the same text, and values of the same kinds without
// escapes, is the same JSON but for these values: it need not be taken apart again.
import { type Fields, kind } from './fields.ts'
import type { Name } from './names.ts'
import { QuickLine, type QuickReaders } from './quick-line.ts'
import type { QuickMemory } from './quick-memory.ts'
import type { Becomes, QuickSlot } from './quick-shape.ts'

/** Shapes that are remembered; an application has a few. */
const shapesMax = 8
/** Learning costs as much as some lines the general way: of so many lines that no shape fits, one teaches. */
const linesPerLesson = 32
const quote = 0x22

export class QuickJson {
  readonly memory: QuickMemory
  readonly #readers: QuickReaders
  readonly #keepRaw: boolean
  /** The one that fitted last is the first. */
  readonly #shapes: QuickLine[] = []
  #missed = linesPerLesson

  constructor(readers: QuickReaders, memory: QuickMemory, keepRaw: boolean) {
    this.memory = memory
    this.#readers = readers
    this.#keepRaw = keepRaw
  }

  /** As `QuickLine.write`, by whichever shape fits. */
  write(from: number, to: number, nowMs: number): boolean {
    const shapes = this.#shapes
    for (let index = 0; index < shapes.length; index += 1) {
      const shape = shapes[index] as QuickLine
      if (!shape.write(from, to, nowMs)) continue
      if (index > 0) {
        shapes[index] = shapes[index - 1] as QuickLine
        shapes[index - 1] = shape
      }
      return true
    }
    this.#missed += 1
    return false
  }

  /** Learns from a line that the general way took apart into `fields`. */
  learn(bytes: Uint8Array, from: number, to: number, fields: Fields): void {
    if (this.#missed < linesPerLesson) return
    this.#missed = 0
    const shape = this.#shapeOf(bytes, from, to, fields)
    if (shape === null) return
    if (this.#shapes.length === shapesMax) this.#shapes.pop()
    this.#shapes.push(shape)
  }

  #shapeOf(bytes: Uint8Array, from: number, to: number, fields: Fields): QuickLine | null {
    const slots: QuickSlot[] = []
    const flags: (readonly [string, boolean])[] = []
    let at = from
    let first: Uint8Array | null = null
    let last: Omit<QuickSlot, 'until'> | null = null
    for (let index = 0; index < fields.count; index += 1) {
      const { text: name, role } = fields.names[index] as Name
      const valueFrom = fields.from[index] as number
      const valueTo = fields.to[index] as number
      if (fields.kinds[index] === kind.flag) {
        flags.push([name, valueFrom === 1])
        continue
      }
      const isNumber = fields.kinds[index] === kind.number
      const isText = bytes[valueFrom - 1] === quote && bytes[valueTo] === quote
      // In another order, or somewhere else: a name that was there twice, a text with its escapes taken out.
      if (fields.bytesOf(index) !== bytes || valueFrom < at || valueTo > to || (!isNumber && !isText))
        return null
      const becomes = becomesOf(role, fields, index)
      if (becomes === null) return null
      const between = new Uint8Array(bytes.subarray(at, valueFrom))
      if (last === null) first = between
      else slots.push({ ...last, until: between })
      last = { name, kind: isNumber ? 'number' : 'text', becomes }
      at = valueTo
    }
    if (last === null || first === null) return null
    slots.push({ ...last, until: new Uint8Array(bytes.subarray(at, to)) })
    const shape = { first, slots, flags, hasNothing: false, keepRaw: this.#keepRaw }
    return QuickLine.of(shape, this.#readers, this.memory)
  }
}

/** What the general way made of a field; null when another line's value might become something else. */
function becomesOf(role: Name['role'], fields: Fields, index: number): Becomes | null {
  const isTaken = fields.taken[index] === 1
  if (role === null || isTaken) return role ?? 'attribute'
  // A number is never one of these, and a message stays an attribute where the whole line is the body.
  if (role === 'message' || role === 'service') return 'attribute'
  return null
}
