// Builds the agent into build/agent/: a bundle of one file, and a single executable that needs nothing else.
import { execFileSync, spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { bundling } from './bundling.ts'

const root = join(import.meta.dirname, '..')
const folder = join(root, 'build/agent')
/** As cli/bin.js starts an agent. Code caches are only good for the flags they were made with. */
const flags = ['--single-threaded-gc', '--max-semi-space-size=1']

/** The reader of a configuration lives for 50 ms: with room for all it makes it never collects garbage. */
const readerFlags = ['--max-semi-space-size=16', '--min-semi-space-size=16']

/** What was built. */
export interface BuiltAgent {
  /** One file of JavaScript, for a Node that is there: `node logdrive-agent.cjs`. */
  readonly bundle: string
  readonly executable: string
  /** Native CRC-32C, to lie beside the executable as ../lib/logdrive-agent/crc32.node; null where there is none. */
  readonly checksum: string | null
}

/** Builds all of it with the Node that runs this. Throws what esbuild or Node have to complain about. */
export async function buildAgent(): Promise<BuiltAgent> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const bundle = join(folder, 'logdrive-agent.cjs')
  await bundleInto(bundle)
  const loader = join(folder, 'loader.cjs')
  await build({
    entryPoints: [join(import.meta.dirname, 'agent/loader.ts')],
    outfile: loader,
    platform: 'node',
    format: 'cjs',
    bundle: true,
    minify: true,
  })
  const executable = join(folder, 'logdrive-agent')
  const caches = await warmCaches(bundle)
  const sea = {
    main: loader,
    executable: strippedNode(),
    output: executable,
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    execArgv: flags,
    // Not `env`: NODE_OPTIONS is not to give this program's Node other options. The agent gives its reader some.
    execArgvExtension: 'cli',
    assets: { bundle, ...caches },
  }
  const seaConfig = join(folder, 'sea.json')
  writeFileSync(seaConfig, JSON.stringify(sea))
  execFileSync(process.execPath, ['--build-sea', seaConfig], { stdio: ['ignore', 'ignore', 'inherit'] })
  for (const spent of [seaConfig, loader, sea.executable, ...Object.values(caches)]) rmSync(spent)
  return { bundle, executable, checksum: copyChecksum() }
}

async function bundleInto(outfile: string): Promise<void> {
  await build({
    ...bundling,
    entryPoints: [join(root, 'cli/agent-main.ts')],
    outfile,
    minify: true,
    format: 'cjs',
    target: 'node26',
    // What is loaded later is still in this file.
    supported: { 'dynamic-import': false },
    define: { ...bundling.define, 'import.meta.url': '__filename' },
    plugins: [...bundling.plugins, checksumInside, withoutCollector],
  })
}

/** protocol/crc32c.ts asks for its two implementations by name at run time: in a bundle another file answers. */
const checksumInside: Plugin = {
  name: 'checksum-inside',
  setup({ onResolve }) {
    onResolve({ filter: /^node:module$/ }, ({ importer }) =>
      importer.endsWith('protocol/crc32c.ts')
        ? { path: join(import.meta.dirname, 'agent/checksums.ts') }
        : null,
    )
  },
}

/** An agent that drags a collector, a sink or ClickHouse along is refused, with the import that did it. */
const withoutCollector: Plugin = {
  name: 'without-collector',
  setup({ onLoad }) {
    onLoad({ filter: /\/(collector|sinks|tracker|chdb|@clickhouse)\// }, ({ path }) =>
      path.startsWith(root) ? { errors: [{ text: `${path} has no place in an agent` }] } : null,
    )
  },
}

/** The native module of this platform, as npm installed it. */
function copyChecksum(): string | null {
  try {
    const require = createRequire(import.meta.url)
    const from = createRequire(require.resolve('@node-rs/crc32')).resolve(`@node-rs/crc32-${platform()}`)
    const to = join(folder, 'crc32.node')
    copyFileSync(from, to)
    return to
  } catch {
    return null
  }
}

/** As napi names platforms; only those with a GNU libc are built here. */
function platform(): string {
  return `${process.platform}-${process.arch}${process.platform === 'linux' ? '-gnu' : ''}`
}

/** Node without symbols (150 -> 116 MB); as it is where there is no strip. */
function strippedNode(): string {
  const copy = join(folder, 'node')
  copyFileSync(process.execPath, copy)
  try {
    execFileSync('strip', [copy], { stdio: 'ignore' })
  } catch {
    copyFileSync(process.execPath, copy)
  }
  return copy
}

/**
 * V8's code of what a start runs, by what is started: an agent until it runs, its reader of the configuration. Compiling
 * the same anew is a third of the time until an agent runs.
 */
async function warmCaches(bundle: string): Promise<Record<'agent.cache' | 'config.cache', string>> {
  const sample = mkdtempSync(join(tmpdir(), 'logdrive-build-'))
  try {
    const config = join(sample, 'agent.yaml')
    const agent = `{ collector: "http://127.0.0.1:9", state: "${sample}/state", inputs: ${sampleInputs(sample)} }`
    writeFileSync(config, `version: 1\nagent: ${agent}\n`)
    const caches = {
      'agent.cache': join(folder, 'agent.cache'),
      'config.cache': join(folder, 'config.cache'),
    }
    await warm(bundle, caches['config.cache'], ['read-config', config], [...flags, ...readerFlags])
    await warm(bundle, caches['agent.cache'], ['agent', '-c', config])
    return caches
  } finally {
    rmSync(sample, { recursive: true })
  }
}

function sampleInputs(folder: string): string {
  return `{ sample: { type: file, paths: ["${folder}/*.log"], topic: logs } }`
}

/** Runs the bundle with the words until it ends, or is told to because it said that it started. */
async function warm(
  bundle: string,
  cache: string,
  words: readonly string[],
  nodeFlags = flags,
): Promise<void> {
  const script = join(import.meta.dirname, 'agent/warm.ts')
  const child = spawn(process.execPath, [...nodeFlags, script, bundle, cache, ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    const before = said.includes('agent started')
    said += chunk.toString()
    if (!before && said.includes('agent started')) child.kill('SIGTERM')
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`the bundle failed (${code}): ${said}`)
}

if (import.meta.main) {
  const { bundle, executable, checksum } = await buildAgent()
  for (const file of [bundle, executable, checksum ?? executable])
    console.log(`${file.slice(root.length + 1)} ${(statSync(file).size / 1e6).toFixed(1)} MB`)
}
