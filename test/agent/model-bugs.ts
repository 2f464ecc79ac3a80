// Plants a bug in the agent's source and counts the histories until the model finds it: `node test/agent/model-bugs.ts identity`.
import { registerHooks } from 'node:module'
import fc from 'fast-check'
import { parseScript } from '../script.ts'
import type { History } from './histories.ts'

/** One change of one line of the agent each, none of which may go unseen. */
const bugs: Readonly<Record<string, { readonly file: string; readonly from: string; readonly to: string }>> =
  {
    // Files that were born at the same time are taken for one.
    identity: {
      file: '/agent/tail/identity.ts',
      from: 'locatorKey({ dev, ino, birthtimeNs }: Locator): string {',
      to: 'locatorKey({ dev, ino, birthtimeNs }: Locator): string {\n  ino -= ino',
    },
    // The bytes before the position are not compared.
    truncation: {
      file: '/agent/tail/block.ts',
      from: 'filled < lead || !startsWith(bytes, at.guard)',
      to: 'filled < lead',
    },
    // What is kept as acknowledged is all that the file holds.
    'checkpoint order': {
      file: '/agent/tail/keeping.ts',
      from: 'const { epoch, position, head, guard } = mark',
      to: 'const { epoch, head, guard } = mark\n    const position = tail.size',
    },
    // A batch counts as stored before the collector answered.
    'acknowledgement order': {
      file: '/agent/ship/shipper.ts',
      from: 'const answer = await this.#uplink.ship({ topic, ...range, path: batch.path, body }, signal)',
      to: `const answer = { kind: 'kept', kept: { epoch: batch.epoch, to } }
        this.#uplink.ship({ topic, ...range, path: batch.path, body }, signal).catch(() => undefined)`,
    },
  }

const { positionals } = parseScript(import.meta.filename, { allowPositionals: true })
const [name = '', historiesMax = '400'] = positionals
const bug = bugs[name]
if (bug === undefined) throw new Error(`no bug ${name}; there are: ${Object.keys(bugs).join(', ')}`)
let planted = false
registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.endsWith(bug.file)) return loaded
    const source = String(loaded.source)
    planted = source.includes(bug.from)
    return { ...loaded, source: source.replace(bug.from, bug.to) }
  },
})
const { play } = await import('./model.ts')
const { destructions, renamings } = await import('./histories.ts')
if (!planted) throw new Error(`${bug.file} has no longer: ${bug.from}`)

const seed = Number(process.env.LOGDRIVE_MODEL_SEED ?? 20_261_121)
const report = await fc.check(
  fc.asyncProperty(
    fc.oneof(renamings, destructions),
    async (history: History) => (await play(history)).length === 0,
  ),
  { numRuns: Number(historiesMax), seed, endOnFailure: true },
)
console.log(JSON.stringify({ bug: name, found: report.failed, histories: report.numRuns }))
