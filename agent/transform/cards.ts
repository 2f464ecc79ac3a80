// Card numbers (PAN): 13 to 19 digits whose last is the check digit of Luhn (ISO/IEC 7812-1), together or in the usual groups.
import type { Found } from './found.ts'

const digitsMin = 13
const digitsMax = 19
/** How cards are printed: 4-4-4-4 with up to three more, 4-6-5 (American Express), 4-6-4 (Diners Club). */
const grouped = /\d{4}([ -])(?:\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?|\d{6}\1\d{4,5})(?!\d)/y

/** Card numbers of a text. Digits behind a decimal point are none, nor are parts of longer numbers. */
export function findCards(text: string): readonly Found[] {
  const found: Found[] = []
  const runs = /\d+/g
  for (let run = runs.exec(text); run !== null; run = runs.exec(text)) {
    const from = run.index
    if (text[from - 1] === '.' && isDigit(text[from - 2])) continue
    const to = cardEnd(text, from, run[0])
    if (to === -1) continue
    found.push({ from, to, value: text.slice(from, to).replace(/[ -]/g, '') })
    runs.lastIndex = to
  }
  return found
}

/** Whether the last of these digits is the check digit of those before it. */
export function hasLuhnCheck(digits: string): boolean {
  let sum = 0
  for (let place = 0; place < digits.length; place += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - place) - 0x30
    const doubled = place % 2 === 0 ? digit : digit * 2
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

/** Where the card ends that begins with this run of digits; -1 when none does. */
function cardEnd(text: string, from: number, run: string): number {
  if (run.length >= digitsMin) return isCard(run) ? from + run.length : -1
  if (run.length !== 4) return -1
  grouped.lastIndex = from
  const whole = grouped.exec(text)?.[0]
  if (whole === undefined) return -1
  if (isCard(whole.replace(/[ -]/g, ''))) return from + whole.length
  // What stands behind four groups of four may be another number.
  const four = whole.slice(0, 19)
  return whole.length > 19 && isCard(four.replace(/[ -]/g, '')) ? from + 19 : -1
}

/** Payment networks begin with 2 to 6: what begins with 1 is often a time. */
function isCard(digits: string): boolean {
  const first = digits.charCodeAt(0) - 0x30
  return (
    digits.length >= digitsMin &&
    digits.length <= digitsMax &&
    first >= 2 &&
    first <= 6 &&
    hasLuhnCheck(digits)
  )
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= '0' && character <= '9'
}
