// Names of fields: each made once, with the bytes it is written with and what a field of this name means.
import { utf8End } from '../tail/lines.ts'
import { ByteMap } from './byte-map.ts'
import { nameBytesMax } from './options.ts'
import { type Piece, pieceOf } from './piece.ts'

/** What a field is for beside being there: it fills a column of its own. */
export type Role = 'time' | 'severity' | 'message' | 'trace' | 'span' | 'service'

export interface Name {
  readonly text: string
  /** `"text":`, as JSON. */
  readonly json: Piece
  readonly role: Role | null
  /** Tells names apart when they are the outer part of others. */
  readonly id: number
  /** The line that had this name last, and where: a later field of the same name replaces it. */
  line: number
  index: number
}

/** What fields of these names mean, unless the configuration says otherwise. */
const usualRoles: ReadonlyMap<string, Role> = new Map([
  ...roles('time', 'ts time timestamp @timestamp @t t datetime date_time'),
  ...roles('severity', 'level severity lvl loglevel log_level log.level @l levelname severity_text'),
  ...roles('message', 'msg message @m'),
  ...roles('trace', 'trace_id traceId traceid trace.id TraceId'),
  ...roles('span', 'span_id spanId spanid span.id SpanId'),
  ...roles('service', 'service_name service.name'),
])

/** Which names mean time and severity, when the configuration says so. */
export interface RoleOptions {
  readonly timeField?: string | undefined
  readonly severityField?: string | undefined
}

export class Names {
  readonly #options: RoleOptions
  readonly #known = new ByteMap<Name>()
  /** Names of the format itself: never forgotten. */
  readonly #kept: Name[] = []
  /** Salt 0 is for names that are inside of none. */
  #ids = 0
  /** The name of a message that was parsed itself: never written, and no field's. */
  readonly detached = this.#make('message', null)

  constructor(options: RoleOptions = {}) {
    this.#options = options
  }

  /** A name that the format has, with a role that the configuration may take away; made before the first line. */
  of(text: string, role: Role | null = null): Name {
    const known = this.#kept.find((name) => name.text === text)
    if (known !== undefined) return known
    const name = this.#make(text, this.#roleOf(text, role))
    this.#kept.push(name)
    this.#keep(name)
    return name
  }

  /** The name that a line has at these bytes, inside the field `outer`; null when it is too long for an inner one. */
  find(bytes: Uint8Array, from: number, to: number, outer: Name | null): Name | null {
    const salt = outer === null ? 0 : outer.id
    const end = to - from > nameBytesMax ? utf8End(bytes, from, from + nameBytesMax) : to
    const known = this.#known.find(bytes, from, end, salt)
    if (known !== undefined) return known
    const own = Buffer.from(bytes.buffer, bytes.byteOffset + from, end - from).toString()
    const text = outer === null ? own : `${outer.text}.${own}`
    if (outer !== null && text.length > nameBytesMax) return null
    // The same name may come as `a.b` and as b inside of a.
    const made = outer === null ? this.#make(text, this.#roleOf(text, null)) : this.#whole(text)
    this.#known.add(bytes, from, end, salt, made)
    return made
  }

  /** Between two lines: forgets what lines brought when there is no more room. */
  tidy(): void {
    if (!this.#known.isFull) return
    this.#known.clear()
    for (const name of this.#kept) this.#keep(name)
  }

  #whole(text: string): Name {
    const bytes = Buffer.from(text)
    return this.find(bytes, 0, bytes.length, null) as Name
  }

  #keep(name: Name): void {
    const bytes = Buffer.from(name.text)
    this.#known.add(bytes, 0, bytes.length, 0, name)
  }

  #roleOf(text: string, own: Role | null): Role | null {
    const { timeField, severityField } = this.#options
    if (text === timeField) return 'time'
    if (text === severityField) return 'severity'
    const role = own ?? usualRoles.get(text) ?? null
    if (role === 'time' && timeField !== undefined) return null
    return role === 'severity' && severityField !== undefined ? null : role
  }

  #make(text: string, role: Role | null): Name {
    this.#ids += 1
    const json = pieceOf(`${JSON.stringify(text.toWellFormed())}:`)
    return { text, json, role, id: this.#ids, line: -1, index: 0 }
  }
}

function roles(role: Role, names: string): [string, Role][] {
  return names.split(' ').map((name) => [name, role])
}
