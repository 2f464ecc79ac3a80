// Found: places in a text that are replaced, one kind of finder behind the other.

/** A place `[from, to)` in a text; `value` is what is hashed: the same for different spellings. */
export interface Found {
  readonly from: number
  readonly to: number
  readonly value: string
}

/** Finds places in order, none over another. Linear in the text. */
export type Finder = (text: string) => readonly Found[]

/** A text with the places replaced. */
export function replaceFound(
  text: string,
  places: readonly Found[],
  instead: (value: string) => string,
): string {
  let result = ''
  let at = 0
  for (const { from, to, value } of places) {
    result += text.slice(at, from) + instead(value)
    at = to
  }
  return result + text.slice(at)
}
