// Presets: stack traces of languages, one record each. Lines of no trace are records of their own, sent at once.
//
// A small state machine for each language, after the rules of Google's fluent-plugin-detect-exceptions, widened for what
// newer versions print.
import { linearExpression } from '../../config/linear-expression.ts'
import type { TextJoiner } from './patterns.ts'

/** In a state, a line that matches joins the trace and leads to another state; `done`: nothing joins behind it. */
type Rule = readonly [state: string, pattern: RegExp, next: string]

const anyError = /(?:Exception|Error|Throwable)(?: \[\w+\])?(?::|$)/

const java: readonly Rule[] = [
  ['none', /(?:Exception|Error|Throwable|V8 errors stack trace)(?::|$)/, 'head'],
  ['none', /^Exception in thread /, 'head'],
  ['head', /^[\t ]*nested exception is:/, 'nested'],
  ['nested', anyError, 'head'],
  ['head', /^$/, 'head'],
  ['head', /^[\t ]+(?:eval )?at /, 'frame'],
  ['head', /^[\t ]*(?:Caused by|Suppressed):/, 'head'],
  ['head', /^[\t ]*\.\.\. \d+ (?:more|common frames omitted)/, 'frame'],
  ['head', /^[\t ]*\[CIRCULAR REFERENCE:/, 'frame'],
  ['frame', /^[\t ]+(?:eval )?at /, 'frame'],
  ['frame', /^[\t ]*\.\.\. \d+ (?:more|common frames omitted)/, 'frame'],
  ['frame', /^[\t ]*\[CIRCULAR REFERENCE:/, 'frame'],
  ['frame', /^[\t ]*(?:Caused by|Suppressed):/, 'head'],
  // .NET
  ['head', /^[\t ]*-+> \S/, 'head'],
  ['frame', /^[\t ]*--- End of (?:inner exception )?stack trace/, 'frame'],
]

const python: readonly Rule[] = [
  ['none', /Traceback \(most recent call last\):$/, 'trace'],
  ['trace', /^\s+\S/, 'trace'],
  ['trace', /^(?:[^\s.():]+\.)*[^\s.():]+(?::|$)/, 'message'],
  ['message', /^\s+\S/, 'message'],
  ['message', /^$/, 'gap'],
  ['gap', /^(?:During handling of the above exception|The above exception was the direct cause)/, 'chain'],
  ['chain', /^$/, 'chain'],
  ['chain', /^Traceback \(most recent call last\):$/, 'trace'],
]

const go: readonly Rule[] = [
  ['none', /\bpanic: |^fatal error: /, 'panic'],
  ['none', /http: panic serving/, 'goroutine'],
  ['panic', /^\s*panic: |^\[signal |^\s+\[recovered/, 'panic'],
  ['panic', /^$/, 'goroutine'],
  ['panic', /^goroutine \d+ /, 'call'],
  ['goroutine', /^$/, 'goroutine'],
  ['goroutine', /^(?:goroutine \d+ |runtime stack:$)/, 'call'],
  ['call', /^\.\.\.(?:additional|\d+) frames elided/, 'call'],
  ['call', /^(?:[^\s.:]+\.)*[^\s():]+\(|^created by /, 'place'],
  ['call', /^$/, 'goroutine'],
  ['place', /^\s/, 'call'],
]

const ruby: readonly Rule[] = [
  ['none', /\.rb:\d+:in [`'].* \([\w:]+\)$/, 'frame'],
  ['none', /(?:Error|Exception)(?: \(.*\))?:$/, 'head'],
  ['head', /^\s*$/, 'frame'],
  ['head', /^\s+(?:\d+: )?(?:from )?\S+:\d+:in [`']/, 'frame'],
  ['frame', /^\s+(?:\d+: )?(?:from )?\S+:\d+:in [`']/, 'frame'],
]

const node: readonly Rule[] = [
  ['none', /^(?:file:\/\/)?\S+\.[cm]?[jt]s:\d+$/, 'source'],
  ['none', anyError, 'head'],
  ['source', /^/, 'caret'],
  ['caret', /^\s*\^+\s*$/, 'gap'],
  ['gap', /^$/, 'gap'],
  ['gap', anyError, 'head'],
  ['head', /^\s+at .* \{$/, 'members'],
  ['head', /^\s+at /, 'frame'],
  ['frame', /^\s+at .* \{$/, 'members'],
  ['frame', /^\s+at /, 'frame'],
  ['members', /^\s/, 'members'],
  ['members', /^\}$/, 'done'],
]

const presets = { java, python, go, ruby, node } as const
export type Preset = keyof typeof presets

interface Machine {
  readonly rules: ReadonlyMap<string, readonly Rule[]>
  /** `none` where no trace is going on. */
  state: string
}

/** Joins the traces of these languages, each by its own rules. */
export function presetJoiner(names: readonly Preset[]): TextJoiner {
  const machines = names.map((name): Machine => {
    // As those of users: what the linear engine takes, and falls back to.
    const rules = presets[name].map(
      ([state, { source }, next]): Rule => [state, linearExpression(source), next],
    )
    return { rules: Map.groupBy(rules, ([state]) => state), state: 'none' }
  })
  return {
    begin(line) {
      let goesOn = false
      for (const machine of machines) {
        machine.state = 'none'
        goesOn = step(machine, line) || goesOn
      }
      return goesOn
    },
    next(line) {
      let joins = false
      let goesOn = false
      for (const machine of machines) {
        if (machine.state === 'none') continue
        const isPart = step(machine, line)
        joins ||= isPart
        if (machine.state === 'done') machine.state = 'none'
        else goesOn ||= isPart
      }
      if (!joins) return 'apart'
      return goesOn ? 'joins' : 'ends'
    },
  }
}

function step(machine: Machine, line: string): boolean {
  const rule = machine.rules.get(machine.state)?.find(([, pattern]) => pattern.test(line))
  machine.state = rule?.[2] ?? 'none'
  return rule !== undefined
}
