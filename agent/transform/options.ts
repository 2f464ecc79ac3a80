// What an input is told about changing its records before they leave the machine: steps, in order.

/** A constant, or an expression over the record. */
export type AddedValue = string | number | boolean | { readonly expression: string }

/** Kinds of what `redact` knows by itself. */
export const redactKinds = ['email', 'card', 'jwt', 'keys', 'ipv4', 'ipv6'] as const
export type RedactKind = (typeof redactKinds)[number]

export interface RedactOptions {
  readonly kinds: readonly RedactKind[]
  /** Own patterns by the name they are counted under. */
  readonly patterns: Readonly<Record<string, string>>
  /** What takes the place; `{kind}` is filled in. */
  readonly text: string
  /** With a key the place is taken by a keyed hash: the same value is told again without being known. */
  readonly hashKey?: string | undefined
}

export interface SampleOptions {
  /** Between 0 and 1. */
  readonly rate: number
  /** A field: records with the same value are kept or dropped together. */
  readonly key?: string | undefined
}

/** One step: exactly one of its actions is there. */
export interface TransformOptions {
  /** Only where this expression is true. */
  readonly when?: string | undefined
  readonly add?: Readonly<Record<string, AddedValue>> | undefined
  readonly remove?: readonly string[] | undefined
  readonly rename?: Readonly<Record<string, string>> | undefined
  readonly filter?: string | undefined
  readonly sample?: SampleOptions | undefined
  readonly redact?: RedactOptions | undefined
}
