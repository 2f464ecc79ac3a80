// Starting side by side: from the start of the process to the first acknowledged record, one broker and the other in turns:
// ours as npm installs it and from the sources, and theirs.
//
//   node bench/broker/starts.ts [--pairs 7]
import { installPackage } from '../../test/integration/installed.ts'
import { node } from '../../test/integration/processes.ts'
import { parseScript } from '../../test/script.ts'
import { median, pairedRatio, printResult } from '../result.ts'
import { benchFolder, type Subject, startKafka, startOurs, theirs } from './subjects.ts'

/** So many starts of each, on new folders; nothing else of them runs meanwhile. */
export async function compareStarts(pairs: number): Promise<void> {
  using home = benchFolder('package')
  const installed = { name: 'logdrive package', program: [node, await installPackage(home.path)] }
  const ours = [installed, undefined].flatMap((from) =>
    (['commit', 'os'] as const).map((flush) => (folder: string) => startOurs(folder, flush, from)),
  )
  for (const start of ours) {
    // The first start leaves its compiled code to those that follow, if it may end.
    using folder = benchFolder('start')
    await (await start(folder.path)).running.stop()
  }
  const ways: readonly ((folder: string) => Promise<Subject>)[] = [...ours, startKafka]
  const took = new Map<string, number[]>()
  for (let pair = 0; pair < pairs; pair += 1) {
    for (const way of ways) {
      using folder = benchFolder('start')
      await using subject = await way(folder.path)
      took.set(subject.name, [...(took.get(subject.name) ?? []), subject.startMs])
    }
  }
  const other = took.get(theirs) ?? []
  for (const [name, times] of took) {
    console.log(`${name}: first produce after ${times.map((ms) => ms.toFixed(0)).join(' ')} ms`)
    if (name === theirs) continue
    const { ratio, text } = pairedRatio(other, times)
    console.log(`  ${theirs} takes longer: ${text}`)
    printResult({
      subject: 'broker',
      case: `${name}: start to first acknowledged record (ratio: how many times faster)`,
      figure: median(times),
      unit: 'ms',
      limit: median(other),
      limitIs: theirs,
      ratio,
      goal: 10,
    })
  }
}

if (import.meta.main) {
  const { values } = parseScript(import.meta.filename, {
    options: { pairs: { type: 'string', default: '7' } },
  })
  await compareStarts(Number(values.pairs))
  process.exit(0)
}
