// node-rdkafka as a client of the matrix: it compiles librdkafka when it is installed, three minutes the first time.
import { writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { build } from 'esbuild'
import { cachedFolder } from './cache.ts'
import { type Client, newerGroups } from './case.ts'
import { outcomeOf, run } from './commands.ts'
import { debianPackages } from './debian.ts'
import { ProgramDriver } from './driver.ts'

const version = '3.6.1'

/** Installs it, and finds the Node that it was compiled for: the headers that node-gyp found say which one that is. */
export async function nodeRdkafka(): Promise<Client> {
  await debianPackages(['build-essential', 'python3', 'libssl-dev', 'zlib1g-dev'])
  const folder = await cachedFolder('node-rdkafka', version, async (aside) => {
    const allowScripts = { 'node-rdkafka': true, [`node-rdkafka@${version}`]: true }
    writeFileSync(join(aside, 'package.json'), JSON.stringify({ private: true, allowScripts }))
    await run('npm', ['install', '--no-audit', '--no-fund', `node-rdkafka@${version}`], { cwd: aside })
  })
  const [program, librdkafka] = await fittingNode(folder)
  const outfile = join(folder, 'driver.mjs')
  const entry = join(import.meta.dirname, 'drivers/rdkafka-driver.ts')
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
  })
  const lacks = {
    cooperative: 'its rebalance callback assigns eagerly',
    'empty values': 'it sends empty buffers as null',
  }
  const driver = () => new ProgramDriver(program, [outfile], { NODE_RDKAFKA: folder })
  return {
    name: 'node-rdkafka',
    version: `${version} librdkafka ${librdkafka}`,
    shapes: 'any',
    lacks,
    speaks: [newerGroups],
    driver,
  }
}

/** The Node that can load it, and the librdkafka that it says it has. */
async function fittingNode(folder: string): Promise<[program: string, librdkafka: string]> {
  const places = (process.env.PATH ?? '').split(delimiter).map((place) => join(place, 'node'))
  const code = "console.log(require('node-rdkafka').librdkafkaVersion)"
  for (const program of [process.execPath, ...places]) {
    const outcome = await outcomeOf(program, ['-e', code], { cwd: folder }).catch(() => null)
    if (outcome?.code === 0) return [program, outcome.stdout.toString('utf8').trim()]
  }
  throw new Error('node-rdkafka was compiled for a Node that is not on the PATH')
}
