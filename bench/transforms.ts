// Bench of the agent's transforms: nginx lines cut out of a block, then as they are, redacted as bytes, parsed, parsed and transformed.
//
// One process, one core, rounds interleaved. The limit is cutting the lines alone, which every case does too.

import { type LineOptions, lineMaking } from '../agent/parsing.ts'
import { lineRanges, splitLines } from '../agent/tail/lines.ts'
import { generateLine } from '../cli/demo-log.ts'
import { seededDice } from './data.ts'
import { median, printResult } from './result.ts'

const rounds = Number(process.env.ROUNDS ?? 7)
const count = 10_000
const readAt = Date.parse('2026-11-21T07:00:00Z')
const redact: LineOptions['transforms'] = [
  { redact: { kinds: ['email', 'card', 'jwt', 'keys'], patterns: {}, text: '[{kind}]' } },
]
const parse = { type: 'nginx' } as const

const cases: Readonly<Record<string, LineOptions>> = {
  raw: {},
  'raw, redact': { transforms: redact },
  'parse nginx': { parse },
  'parse nginx, filter, redact': { parse, transforms: [{ filter: '.status < 500' }, ...redact] },
}

const dice = seededDice(1)
const bytes = Buffer.from(
  Array.from({ length: count }, (_, n) => `${generateLine(dice, readAt + n * 10)}\n`).join(''),
)
const ranges = lineRanges(count)
const prepared = await Promise.all(
  Object.entries(cases).map(async ([name, options]) => {
    const making = await lineMaking(options)
    const work = () => {
      splitLines(bytes, 0, bytes.length, 1024 * 1024, ranges)
      const lines = { bytes, starts: ranges.valueFrom, ends: ranges.valueTo, count: ranges.count }
      return making?.make(lines, readAt).count ?? lines.count
    }
    return { name, work, times: [] as number[], kept: 0 }
  }),
)
for (let round = -3; round < rounds; round += 1) {
  for (const one of prepared) {
    const started = process.cpuUsage()
    // Some times over: the cheapest case is done in a few milliseconds.
    for (let time = 0; time < 10; time += 1) one.kept = one.work()
    const { user, system } = process.cpuUsage(started)
    if (round >= 0) one.times.push((user + system) / 1000 / 10)
  }
}
const speedOf = (times: readonly number[]) => bytes.length / 1e3 / median(times)
const limit = speedOf(prepared[0]?.times ?? [])
console.log('case                          MB/s of CPU  of raw  records kept')
for (const { name, times, kept } of prepared) {
  if (kept < count / 2) throw new Error(`${name}: only ${kept} of ${count} records were made`)
  const figure = speedOf(times)
  const ratio = figure / limit
  console.log(
    `${name.padEnd(29)} ${figure.toFixed(0).padStart(11)}  ${ratio.toFixed(2).padStart(6)}  ${((100 * kept) / count).toFixed(1)} %`,
  )
  const row = { subject: 'transforms', case: name, figure, unit: 'MB/s of CPU' }
  printResult({ ...row, limit, limitIs: 'cutting the lines', ratio })
}
