// Point: one measured value with its name, unit and attributes, after OpenTelemetry's system.* conventions.

/** What tells the points of one metric apart. */
export type Attributes = Readonly<Record<string, string>>

/** `counter` only grows until the machine starts again; `gauge` is what is there now. */
export interface Point {
  readonly metric: string
  readonly kind: 'counter' | 'gauge'
  /** A UCUM code such as By, s, 1 or {packet}. */
  readonly unit: string
  readonly value: number
  readonly attributes: Attributes
}

/** A value that only grows. */
export function counter(metric: string, unit: string, value: number, attributes: Attributes = {}): Point {
  return { metric, kind: 'counter', unit, value, attributes }
}

/** A value that comes and goes. */
export function gauge(metric: string, unit: string, value: number, attributes: Attributes = {}): Point {
  return { metric, kind: 'gauge', unit, value, attributes }
}

/** `part / whole`, 0 where there is nothing to be part of. */
export function ratio(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0
}
