// What the writer of the chaos test writes, and what has to come of it: lines as they are, and records of several lines.

/** A numbered line of a file. */
export function lineOf(name: string, number: number): string {
  return `${name} ${number} ${'.'.repeat((number * 37) % 200)}`
}

/** How an agent makes records out of `recordOf`: joined, parsed, every third left out, addresses replaced, a field added. */
export const recordsYaml = `topic: app_records
      multiline: { start: '^\\d{4}-\\d\\d-\\d\\d ', wait: 5s }
      parse:
        type: regex
        pattern: '^(?<when>\\S+ \\S+) (?<level>[A-Z]+) \\[(?<file>\\w+) (?<number>\\d+)\\]'
      transforms:
        - filter: '.severity_text != "DEBUG"'
        - redact: [email]
        - add: { env: chaos }
`

/** Every third is left out. */
export function isKept(number: number): boolean {
  return number % 3 > 0
}

/** A record of one to four lines. */
export function recordOf(name: string, number: number): string {
  return recordWith(`u${number}@example.com`, name, number)
}

/** What is stored of it. */
export function storedRecordOf(name: string, number: number): string {
  return recordWith('[email]', name, number)
}

function recordWith(address: string, name: string, number: number): string {
  const level = isKept(number) ? 'ERROR' : 'DEBUG'
  const head = `2026-11-21 06:00:${String(number % 60).padStart(2, '0')} ${level} [${name} ${number}] ${address} paid nothing`
  const frames = Array.from({ length: number % 4 }, (_, frame) => `\tat shop.Cart.f${frame}(${address})`)
  return [head, ...frames].join('\n')
}
