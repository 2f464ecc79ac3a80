#!/usr/bin/env node
// The way in, in plain JavaScript: checks Node's version, caches compiled sources, then runs cli/main.ts.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import module from 'node:module'
import { fileURLToPath } from 'node:url'

const versionMin = 24
if (Number(process.versions.node.split('.')[0]) < versionMin) {
  process.stderr.write(
    `logdrive: Node ${process.versions.node} is too old, ${versionMin} is needed\n` +
      '  In a checkout "npm ci" brings one along: run "npx logdrive" there.\n',
  )
  process.exit(1)
}
const [command, option] = process.argv.slice(2)
// An agent has a small heap and should stay on one core: collecting garbage beside its work costs 8 % more CPU than
// in it; what its batches leave is found sooner in a small young generation, 15 MB less of memory under load for no CPU;
// one arena of malloc is enough for it, and large blocks always go back to the system when they are freed:
// left alone, malloc keeps those that are smaller than the largest one so far. Such flags count from the start of a
// process only, so this one becomes another: same pid, same descriptors.
const agentFlags = ['--single-threaded-gc', '--max-semi-space-size=1']
if (command === 'agent' && option !== '--help' && !process.execArgv.includes(agentFlags[0])) {
  const words = [process.execPath, ...process.execArgv, ...agentFlags, ...process.argv.slice(1)]
  if (process.platform !== 'win32' && process.execve !== undefined)
    process.execve(process.execPath, words, {
      MALLOC_ARENA_MAX: '1',
      MALLOC_MMAP_THRESHOLD_: '65536',
      ...process.env,
    })
}
// Sources are compiled and stripped of types once, not at every start: 30 MB less memory and a quicker start from the
// second time on.
const cache = enableCache()
if (command === 'agent' && option !== '--help' && cache !== undefined) stripInChild()
// Four threads can all sit in one slow fdatasync of a collector; an agent reads what is in memory mostly, and each
// thread costs it some. Set before anything touches a file asynchronously.
if (command !== 'agent') process.env.UV_THREADPOOL_SIZE ??= '16'
// Sources in a checkout, JavaScript in the published package.
const source = new URL('./main.ts', import.meta.url)
const program = existsSync(source) ? source : new URL('../dist/cli/main.js', import.meta.url)
nameOwnFiles(new URL('..', program).href, program === source ? '.ts' : '.js')
await import(program.href)

/** Our imports name files of ours: node need not look up each of 400 on the disk (an eighth of a collector's start). */
function nameOwnFiles(home, suffix) {
  const format = suffix === '.ts' ? 'module-typescript' : 'module'
  module.registerHooks({
    resolve(specifier, context, next) {
      const isOurs = /^\.\.?\//.test(specifier) && specifier.endsWith(suffix)
      if (!isOurs || !context.parentURL?.startsWith(home)) return next(specifier, context)
      return { url: new URL(specifier, context.parentURL).href, format, shortCircuit: true }
    },
  })
}

/** In the package, else in the user's own cache; never where others write, since what lies there is run. */
function enableCache() {
  const { XDG_CACHE_HOME, HOME } = process.env
  const own = XDG_CACHE_HOME || (HOME && `${HOME}/.cache`)
  const places = [fileURLToPath(new URL('../node_modules/.cache', import.meta.url)), ...(own ? [own] : [])]
  const { FAILED } = module.constants.compileCacheStatus
  return places
    .map((place) => `${place}/logdrive`)
    .find((folder) => module.enableCompileCache(folder).status !== FAILED)
}

/** When the sources that an agent loads were last written, in ms. */
function newestSource() {
  const folders = ['agent', 'cli', 'config', 'core', 'protocol', 'runtime']
  const urls = folders.map((folder) => new URL(`../${folder}/`, import.meta.url)).filter(existsSync)
  return Math.max(
    ...urls.flatMap((url) =>
      readdirSync(url, { recursive: true }).map((name) => statSync(new URL(String(name), url)).mtimeMs),
    ),
  )
}

/**
 * An agent is to stay small: the first time another process strips the types of what an agent loads (`--help` loads
 * none of it), so that this one never loads what does.
 */
function stripInChild() {
  // Several installations may share a cache.
  const home = encodeURIComponent(fileURLToPath(new URL('..', import.meta.url))).slice(-150)
  const done = `${cache}/agent-${process.version}-${home}`
  if (existsSync(done) && statSync(done).mtimeMs >= newestSource()) return
  const names = ['cli/run-agent', 'cli/agent-options', 'cli/config-reader', 'cli/main']
  const loaded = names.map((name) => new URL(`../${name}.ts`, import.meta.url))
  if (!loaded.every(existsSync)) return
  const script = `import module from 'node:module'
    module.enableCompileCache(${JSON.stringify(cache)})
    process.argv = [process.execPath, 'logdrive', 'agent', '--help']
    for (const name of ${JSON.stringify([...loaded.map(String), import.meta.resolve('chokidar')])}) await import(name)`
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' })
  try {
    if (child.status === 0) writeFileSync(done, '')
  } catch {
    // A read-only installation: the agent is a little larger.
  }
}
