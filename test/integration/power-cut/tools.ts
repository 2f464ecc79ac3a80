// The tools of the power-cut rig, installed from Debian where they are missing: `node test/integration/power-cut/tools.ts`.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** A program that is looked for, and the Debian package that brings it. */
const packages = { 'mkfs.xfs': 'xfsprogs', 'mkfs.ext4': 'e2fsprogs', eatmydata: 'eatmydata' } as const

/** Installs what is missing. Throws a sentence that says what to do where it cannot. */
export function installTools(): void {
  const missing = Object.entries(packages).filter(([program]) => !isHere(program))
  if (missing.length === 0) return
  const names = missing.map(([, name]) => name)
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    throw new Error(`${names.join(', ')}: not installed, and only root on Debian can be helped`)
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const options = { stdio: 'ignore', env, timeout: 60_000 } as const
  execFileSync('apt-get', ['update'], options)
  execFileSync('apt-get', ['install', '-y', '--no-install-recommends', ...names], options)
}

/** A way to run a process whose fsync does nothing: its name, and what LD_PRELOAD must be. */
export interface Mutant {
  readonly name: string
  readonly library: string
}

/** Our own library (where there is a C compiler) and Debian's eatmydata, those that can be had here. */
export function findMutants(folder: string): readonly Mutant[] {
  const mutants: Mutant[] = []
  const library = join(folder, 'no-sync.so')
  const source = join(import.meta.dirname, 'no-sync.c')
  // -fno-builtin: sync_file_range is declared differently in headers that we do not include.
  const built = spawnSync('gcc', ['-shared', '-fPIC', '-O1', '-fno-builtin', '-o', library, source])
  if (built.status === 0) mutants.push({ name: 'own libc', library })
  const eatmydata = findEatmydata()
  if (eatmydata !== null) mutants.push({ name: 'eatmydata', library: eatmydata })
  return mutants
}

function findEatmydata(): string | null {
  for (const folder of ['/usr/lib', '/usr/lib64', ...triplets()]) {
    const library = join(folder, 'libeatmydata.so')
    if (existsSync(library)) return library
  }
  return null
}

function triplets(): readonly string[] {
  const names = existsSync('/usr/lib') ? readdirSync('/usr/lib') : []
  return names.filter((name) => name.endsWith('-linux-gnu')).map((name) => join('/usr/lib', name))
}

function isHere(program: string): boolean {
  return ['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((folder) => existsSync(join(folder, program)))
}

if (import.meta.main) installTools()
