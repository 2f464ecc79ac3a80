// The bundle as one function, for who compiles it by hand; code caches are only good for exactly this text.

/** A text that evaluates to a function of `require` and `__filename`. */
export function wrapped(bundle: string): string {
  return `(function (require, __filename) {${bundle}\n})`
}
