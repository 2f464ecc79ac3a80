// Messages as tables: fields with their type, versions and meaning; TypeScript's types follow from the table.

/** Versions as Kafka writes them: `3+`, `0-12`, or a single one. */
export type Versions = `${number}+` | `${number}-${number}` | `${number}`

/** What a value looks like on the wire. `records` are bytes that hold record batches. */
export type Shape =
  | { readonly kind: PrimitiveKind }
  | { readonly kind: 'array'; readonly of: Shape }
  | { readonly kind: 'struct'; readonly fields: Fields }

export type PrimitiveKind =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'float64'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records'

/** A shape that knows the TypeScript type it is decoded to, and the (laxer) one it is encoded from. */
export type Type<Out, In = Out> = Shape & {
  /** Never there: it only carries the types. */
  readonly types?: { readonly decoded: Out; readonly input: In }
}

/** One row of a message's table. */
export interface FieldRow {
  readonly type: Shape
  readonly versions: Versions
  readonly about: string
  /** Versions in which null may stand for the value. */
  readonly nullable: Versions | null
  /** What a version without the field is decoded to, and what a writer may leave out; undefined: the type's zero. */
  readonly default: unknown
  /** The number of a tagged (optional, flexible) field, or null for a field with a fixed place. */
  readonly tag: number | null
}

/** A row with the types of its value; `Optional` when a writer may leave it out. */
export interface Field<Out, In, Optional extends boolean> extends FieldRow {
  readonly types?: { readonly decoded: Out; readonly input: In; readonly optional: Optional }
}

/** The rows of a struct by name, in the order of the wire. */
export type Fields = Readonly<Record<string, FieldRow>>

/** A struct with the types of its fields. */
export interface Struct<F extends Fields = Fields> {
  readonly kind: 'struct'
  readonly fields: F
  readonly types?: { readonly decoded: DecodedFields<F>; readonly input: InputFields<F> }
}

/** The TypeScript type that a struct is decoded to: every field is there. */
export type Decoded<S extends Struct> = NonNullable<S['types']>['decoded']

/** The TypeScript type that a struct is encoded from: fields with a default may be left out. */
export type Input<S extends Struct> = NonNullable<S['types']>['input']

type DecodedFields<F extends Fields> = {
  readonly [Name in keyof F]: F[Name] extends Field<infer Out, infer _In, infer _Optional> ? Out : never
}

type InputFields<F extends Fields> = {
  readonly [Name in keyof F as F[Name] extends Field<infer _Out, infer _In, true> ? never : Name]: InputOf<
    F[Name]
  >
} & {
  readonly [Name in keyof F as F[Name] extends Field<infer _Out, infer _In, true> ? Name : never]?:
    | InputOf<F[Name]>
    | undefined
}

type InputOf<F extends FieldRow> = F extends Field<infer _Out, infer In, infer _Optional> ? In : never

/** What a row may say besides type, versions and meaning. */
export interface FieldOptions<In> {
  readonly nullable?: Versions
  readonly default?: In | null
  readonly tag?: number
}

type NullIn<Options> = Options extends { readonly nullable: Versions } ? null : never
type IsOptional<Options> = Options extends { readonly default: unknown } | { readonly tag: number }
  ? true
  : false

/** A row of a table: the type, the versions that have the field, and one sentence for people. */
export function field<Out, In, const Options extends FieldOptions<In> = Record<never, never>>(
  type: Type<Out, In>,
  versions: Versions,
  about: string,
  options?: Options,
): Field<Out | NullIn<Options>, In | NullIn<Options>, IsOptional<Options>> {
  const { nullable = null, default: fallback, tag = null } = (options ?? {}) as FieldOptions<In>
  return { type, versions, about, nullable, default: fallback, tag }
}

/** A struct of fields, in the order they have on the wire. */
export function struct<F extends Fields>(fields: F): Struct<F> {
  return { kind: 'struct', fields }
}

/** Any number of values of one type. */
export function array<Out, In>(of: Type<Out, In>): Type<readonly Out[], readonly In[]> {
  return { kind: 'array', of }
}

export const bool: Type<boolean> = { kind: 'bool' }
export const int8: Type<number> = { kind: 'int8' }
export const int16: Type<number> = { kind: 'int16' }
export const int32: Type<number> = { kind: 'int32' }
/** A safe integer: what lies beyond 2^53 is refused. */
export const int64: Type<number> = { kind: 'int64' }
export const float64: Type<number> = { kind: 'float64' }
/** Lower case, 8-4-4-4-12; all zeros for none. */
export const uuid: Type<string> = { kind: 'uuid' }
export const string: Type<string> = { kind: 'string' }
/** A view of the frame it was decoded from. */
export const bytes: Type<Uint8Array> = { kind: 'bytes' }
/** Record batches: a view of the frame, and not copied into an answer. */
export const records: Type<Uint8Array> = { kind: 'records' }

/** One request and its response in all their versions. */
export interface Api {
  readonly key: number
  readonly name: string
  /** One sentence: what it is for. */
  readonly about: string
  /** What ApiVersions offers. */
  readonly versions: readonly [min: number, max: number]
  /** What is really answered, where that is less: older versions get UNSUPPORTED_VERSION. */
  readonly served?: readonly [min: number, max: number]
  /** The first flexible version, or null when none is. */
  readonly flexible: number | null
  readonly request: Struct
  readonly response: Struct
}

/** An API's table, its types kept. */
export function api<const A extends Api>(definition: A): A {
  return definition
}

/** A message's versions as two numbers; `3+` has no end. */
function versionRange(versions: Versions): readonly [min: number, max: number] {
  if (versions.endsWith('+')) return [Number(versions.slice(0, -1)), Number.POSITIVE_INFINITY]
  const [min, max = min] = versions.split('-').map(Number) as [number, number?]
  return [min, max]
}

/** Whether the versions contain this one. */
export function hasVersion(versions: Versions | null, version: number): boolean {
  if (versions === null) return false
  const [min, max] = versionRange(versions)
  return version >= min && version <= max
}
