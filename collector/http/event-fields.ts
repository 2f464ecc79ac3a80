// Event fields: what a browser says, coerced to what the columns of the tables hold, or refused.

/** Turns a value into what its column holds; undefined when it cannot. */
export type Coerce = (value: unknown) => unknown

/** Bounds of property maps: names, their length, text values. */
const propsMax = 200
const nameLengthMax = 128
const propLengthMax = 8_192
/** Values that found no column, shown for people. */
const unmappedLengthMax = 2_048

/** Names that mean something to JavaScript objects; nobody needs them. */
const deniedNames = new Set(['__proto__', 'constructor', 'prototype'])

/** Text of at most so many UTF-16 units, well-formed (ClickHouse refuses lone surrogates). */
export function text(lengthMax: number): (value: unknown) => string | undefined {
  return (value) => {
    if (typeof value === 'string') return cutText(value, lengthMax)
    if (typeof value === 'number' || typeof value === 'boolean') return cutText(String(value), lengthMax)
    return undefined
  }
}

/** Cuts to a length without leaving half a character. */
export function cutText(value: string, lengthMax: number): string {
  return (value.length > lengthMax ? value.slice(0, lengthMax) : value).toWellFormed()
}

/** A whole number, rounded and clamped: a UInt32 column would wrap 5e9 silently. */
export function integer(min: number, max: number): (value: unknown) => number | undefined {
  return (value) => {
    const number = toNumber(value)
    return number === undefined ? undefined : Math.min(max, Math.max(min, Math.round(number)))
  }
}

/** A finite number, or a text that is one. */
export function toNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value !== 'string' || value.length > 64 || value.trim() === '') return undefined
  const number = Number(value)
  return Number.isFinite(number) ? number : undefined
}

/** A yes or no. */
export function toBoolean(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value
  if (value === 1 || value === 'true' || value === '1') return true
  if (value === 0 || value === 'false' || value === '0') return false
  return undefined
}

/** A list of short texts. */
export function texts(
  countMax: number,
  lengthMax: number,
): (value: unknown) => readonly string[] | undefined {
  const one = text(lengthMax)
  return (value) => {
    if (!Array.isArray(value)) return undefined
    return value.slice(0, countMax).flatMap((item: unknown) => one(item) ?? [])
  }
}

/** An object as a map of texts. */
export function textMap(value: unknown): Readonly<Record<string, string>> | undefined {
  if (!isRecord(value)) return undefined
  const map = emptyMap<string>()
  let count = 0
  for (const name of Object.keys(value)) {
    const shown = showProp(value[name])
    if (deniedNames.has(name) || shown === undefined || count >= propsMax) continue
    map[cutText(name, nameLengthMax)] = shown
    count += 1
  }
  return map
}

/** An object as JSON text of at most so many units, without denied names at any depth; undefined when it is none. */
export function jsonText(lengthMax: number): (value: unknown) => string | undefined {
  return (value) => {
    if (!isRecord(value)) return undefined
    const shown = JSON.stringify(plain(value))
    return shown.length > lengthMax ? undefined : shown
  }
}

/** Whether the value is a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A field of a JSON object; what it inherits does not count. */
export function field(record: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined
}

/** Property maps by type, as the columns props_string, props_number and props_bool. */
export interface Props {
  readonly props_string?: Readonly<Record<string, string>>
  readonly props_number?: Readonly<Record<string, number>>
  readonly props_bool?: Readonly<Record<string, boolean>>
  readonly _unmapped?: string
}

/** The parts of an event's props: columns of its table, and the rest in typed maps. */
export interface SplitProps {
  readonly columns: Readonly<Record<string, unknown>>
  readonly props: Props
}

/** Splits props: known names are coerced into columns, the rest goes into typed maps, what fits nowhere is shown. */
export function splitProps(
  props: Readonly<Record<string, unknown>>,
  known: ReadonlyMap<string, Coerce>,
): SplitProps {
  const columns = emptyMap<unknown>()
  const strings = emptyMap<string>()
  const numbers = emptyMap<number>()
  const booleans = emptyMap<boolean>()
  const unmapped = emptyMap<string>()
  let count = 0
  for (const name of Object.keys(props)) {
    const value = props[name]
    if (deniedNames.has(name) || value === null || value === undefined) continue
    const coerce = known.get(name)
    if (coerce !== undefined) {
      const column = coerce(value)
      if (column !== undefined) columns[name] = column
      else unmapped[name] = showProp(value) ?? ''
      continue
    }
    if (count >= propsMax) continue
    count += 1
    const short = cutText(name, nameLengthMax)
    if (typeof value === 'number' && Number.isFinite(value)) numbers[short] = value
    else if (typeof value === 'boolean') booleans[short] = value
    else strings[short] = showProp(value) ?? ''
  }
  const left = Object.keys(unmapped).length > 0 ? JSON.stringify(unmapped) : ''
  return {
    columns,
    props: {
      ...(isFilled(strings) ? { props_string: strings } : {}),
      ...(isFilled(numbers) ? { props_number: numbers } : {}),
      ...(isFilled(booleans) ? { props_bool: booleans } : {}),
      ...(left === '' ? {} : { _unmapped: cutText(left, unmappedLengthMax) }),
    },
  }
}

/** A value as the text of a map: objects as JSON. */
function showProp(value: unknown): string | undefined {
  if (typeof value === 'string') return cutText(value, propLengthMax)
  if (typeof value === 'object' && value !== null) return cutText(JSON.stringify(plain(value)), propLengthMax)
  return value === null || value === undefined ? undefined : String(value)
}

/** A copy without denied names and lone surrogates. Depth is bounded by the scan of the body. */
function plain(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed()
  if (Array.isArray(value)) return value.map(plain)
  if (!isRecord(value)) return value
  const copy = emptyMap<unknown>()
  for (const name of Object.keys(value)) {
    if (!deniedNames.has(name)) copy[name.toWellFormed()] = plain(value[name])
  }
  return copy
}

function isFilled(map: object): boolean {
  for (const _ in map) return true
  return false
}

function emptyMap<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>
}
