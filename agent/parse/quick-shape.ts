// QuickShape: what all lines of one make have in common, and the record that is made of those that have the same values.
import { requestNames } from './access-log.ts'
import { type RecordTemplate, TemplateBuilder } from './record-template.ts'

/** What a value becomes: a column of the record, or an attribute. */
export type Becomes = 'attribute' | 'time' | 'severity' | 'service' | 'trace' | 'span' | 'message'

/** A value in a line, and the text behind it. */
export interface QuickSlot {
  readonly name: string
  /** `maybe_number`: a number if it looks like one. `request`: split as access logs do. */
  readonly kind: 'text' | 'number' | 'maybe_number' | 'request'
  readonly becomes: Becomes
  /** What ends the value; empty: the end of the line. */
  readonly until: Uint8Array
}

/** All lines of one make. */
export interface QuickShape {
  /** What every line begins with. */
  readonly first: Uint8Array
  readonly slots: readonly QuickSlot[]
  /** Attributes that are true or false by the text between the values. */
  readonly flags: readonly (readonly [string, boolean])[]
  /** `-` and nothing mean that there is no value. */
  readonly hasNothing: boolean
  readonly keepRaw: boolean
}

/** Columns that are text, in the order of the record. */
const textColumns = [
  ['service', ',"service_name":"'],
  ['trace', ',"trace_id":"'],
  ['span', ',"span_id":"'],
] as const

/** What a value is, in one line. A request with its parts is `split` and more, by which of them are there. */
export const found = { nothing: 0, text: 1, number: 2, split: 3 } as const
/** Parts that a request may be without, as they are added to `split`. */
export const [query, protocol] = [1, 2]
/** How many of these a value of a kind may be. */
export const states = {
  number: 1,
  text: 2,
  maybe_number: 3,
  request: found.split + query + protocol + 1,
} as const

/** The slot that becomes this; -1 when none does. */
export function slotOf({ slots }: QuickShape, becomes: Becomes): number {
  return slots.findIndex((slot) => slot.becomes === becomes)
}

/** The record of lines of a shape whose values are these, behind its time and severity; in the order of records.ts. */
export function templateOf(shape: QuickShape, states: readonly number[]): RecordTemplate {
  const { slots } = shape
  const untils = slots.map(({ until }) => Buffer.from(until).toString())
  const template = new TemplateBuilder(untils.slice(0, -1))
  for (const [becomes, head] of textColumns) {
    const index = slotOf(shape, becomes)
    if (index !== -1) template.text(head).value(index).text('"')
  }
  template.text(',"body":"')
  const message = slotOf(shape, 'message')
  if (shape.keepRaw) {
    template.text(insideJson(Buffer.from(shape.first).toString()))
    for (const [index, until] of untils.entries()) template.value(index).text(insideJson(until))
  } else if (message !== -1 && states[message] !== found.nothing) template.value(message)
  template.text('"')
  const values = slots.flatMap((slot, index) =>
    attributesOf(slot, index, states[index] as number, slots.length),
  )
  for (const [section, state, mark] of [
    ['attrs_string', found.text, '"'],
    ['attrs_number', found.number, ''],
  ] as const) {
    const those = values.filter((value) => value.state === state)
    for (const [nth, { name, index }] of those.entries())
      template
        .text(nth === 0 ? `,"${section}":{` : ',')
        .text(`${JSON.stringify(name)}:${mark}`)
        .value(index)
        .text(mark)
    if (those.length > 0) template.text('}')
  }
  const flags = shape.flags.map(([name, value]) => `${JSON.stringify(name)}:${value}`)
  if (flags.length > 0) template.text(`,"attrs_bool":{${flags.join()}}`)
  return template.text('}').end()
}

/** The attributes that a value becomes. */
function attributesOf(
  { name, becomes }: QuickSlot,
  index: number,
  state: number,
  values: number,
): { readonly name: string; readonly index: number; readonly state: number }[] {
  if (state === found.nothing) return []
  if (state < found.split) return becomes === 'attribute' ? [{ name, index, state }] : []
  const isThere = [
    true,
    true,
    ((state - found.split) & query) !== 0,
    ((state - found.split) & protocol) !== 0,
  ]
  return requestNames
    .map((part, at) => ({ name: part as string, index: values + at, state: found.text }))
    .filter((_, at) => isThere[at])
}

function insideJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}
