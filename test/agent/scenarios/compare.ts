// Puts the agent and @logdna/tail-file through the same scenarios: `node test/agent/scenarios/compare.ts [--write]`.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseScript } from '../../script.ts'
import { AgentReader } from './agent-reader.ts'
import { discovery } from './discovery.ts'
import { outcomeOf, type Reader, type Scenario, Scene } from './harness.ts'
import { identity } from './identity.ts'
import { restart } from './restart.ts'
import { rotation } from './rotation.ts'
import { TailFileReader } from './tail-file.ts'

const document = join(import.meta.dirname, '../../../docs/agent-scenarios.md')
const [begin, end] = ['<!-- compare -->', '<!-- /compare -->']

const { values } = parseScript(import.meta.filename, {
  options: { write: { type: 'boolean', default: false } },
})
const rows = ['| no. | what happens | Logdrive | tail-file |', '|---|---|---|---|']
for (const scenario of [...discovery, ...identity, ...rotation, ...restart]) {
  if (scenario.single !== true) continue
  const mine = await judge(scenario, (scene) => AgentReader.open(scene, scenario.agent ?? {}))
  const theirs = await judge(scenario, async (scene) => new TailFileReader(scene.path()))
  rows.push(`| ${scenario.number} | ${scenario.title} | ${mine} | ${theirs} |`)
  console.log(rows.at(-1))
}
if (values.write) {
  const text = readFileSync(document, 'utf8')
  const [before] = text.split(begin)
  const [, after] = text.split(end)
  writeFileSync(document, `${before}${begin}\n${rows.join('\n')}\n${end}${after}`)
}

/** What became of the lines of a scenario, in a few words. */
async function judge(scenario: Scenario, makeReader: (scene: Scene) => Promise<Reader>): Promise<string> {
  await using scene = await new Scene(makeReader).open()
  try {
    await scenario.run(scene)
    await scene.settled(scenario.destroys)
  } catch (error) {
    return `ended: ${String(error)}`
  }
  const { reader, expected } = scene
  const { lost, doubled, wrong } = outcomeOf(expected, reader.delivered)
  const lostCount = scenario.destroys === true ? 0 : lost.length
  const counts = { lost: lostCount, doubled: doubled.length, 'glued or cut': wrong.length }
  const found = Object.entries(counts).filter(([, count]) => count > 0)
  const words = found.map(([what, count]) => `${count} ${what}`)
  if (reader instanceof TailFileReader && reader.crash !== null)
    words.push(`ended: ${reader.crash.slice(0, 40)}`)
  return words.length === 0 ? 'all' : `**${words.join(', ')}** of ${expected.length}`
}
