// Builds the Debian package of the agent for this machine: build/logdrive-agent_VERSION_ARCHITECTURE.deb.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'
import { starterAgentYaml } from '../config/defaults.ts'
import { parseScript } from '../test/script.ts'
import { type BuiltAgent, buildAgent } from './build-agent.ts'

const root = join(import.meta.dirname, '..')
const sources = join(import.meta.dirname, 'deb')
const scripts = ['postinst', 'prerm', 'postrm']

export interface DebOptions {
  /** As package.json says by default. */
  readonly version?: string
  /** As dpkg-deb takes it; `none` is quick. */
  readonly compression?: string
}

/**
 * The package of a built agent; returns its path. The same agent, version and SOURCE_DATE_EPOCH give the same bytes. Needs
 * dpkg-deb and dpkg.
 */
export function buildDeb(agent: BuiltAgent, { version, compression = 'xz' }: DebOptions = {}): string {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const seconds = epochSeconds()
  const values = {
    VERSION: version ?? String(manifest.version),
    ARCHITECTURE: output('dpkg', ['--print-architecture']).trim(),
    DATE: new Date(seconds * 1000).toUTCString().replace('GMT', '+0000'),
  }
  const stage = join(root, 'build/deb')
  rmSync(stage, { recursive: true, force: true })
  stageFiles(stage, agent, values)
  stageControl(stage, values)
  for (const path of walk(stage)) utimesSync(path, seconds, seconds)
  const deb = join(root, `build/logdrive-agent_${values.VERSION}_${values.ARCHITECTURE}.deb`)
  execFileSync('dpkg-deb', ['--root-owner-group', `-Z${compression}`, '--build', stage, deb], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, SOURCE_DATE_EPOCH: `${seconds}` },
  })
  rmSync(stage, { recursive: true })
  return deb
}

type Values = Readonly<Record<string, string>>

function stageFiles(stage: string, agent: BuiltAgent, values: Values): void {
  const put = (path: string, bytes: string | Uint8Array) => write(join(stage, path), bytes, 0o644)
  copy(agent.executable, join(stage, 'usr/bin/logdrive-agent'), 0o755)
  if (agent.checksum !== null) copy(agent.checksum, join(stage, 'usr/lib/logdrive-agent/crc32.node'), 0o644)
  const place = { program: 'logdrive-agent', state: '/var/lib/logdrive-agent' }
  put('etc/logdrive/agent.yaml', withoutSchema(starterAgentYaml('/etc/logdrive/agent.yaml', place)))
  put('etc/default/logdrive-agent', template('default', values))
  put('usr/lib/systemd/system/logdrive-agent.service', template('logdrive-agent.service', values))
  put('usr/share/lintian/overrides/logdrive-agent', template('lintian-overrides', values))
  put('usr/share/man/man8/logdrive-agent.8.gz', zip(template('logdrive-agent.8', values)))
  put('usr/share/doc/logdrive-agent/copyright', template('copyright', values))
  put('usr/share/doc/logdrive-agent/changelog.gz', zip(template('changelog', values)))
}

function stageControl(stage: string, values: Values): void {
  const files = walk(stage).filter((path) => statSync(path).isFile())
  const kibibytes = files.reduce((sum, path) => sum + Math.ceil(statSync(path).size / 1024), 0)
  const control = join(stage, 'DEBIAN')
  const all = { ...values, INSTALLED_SIZE: `${kibibytes}` }
  write(join(control, 'control'), template('control', all), 0o644)
  write(join(control, 'conffiles'), template('conffiles', all), 0o644)
  for (const name of scripts) write(join(control, name), template(name, all), 0o755)
  const sums = files
    .map((path) => [relative(stage, path), createHash('md5').update(readFileSync(path)).digest('hex')])
    .filter(([path]) => path?.startsWith('etc/') === false)
  write(join(control, 'md5sums'), sums.map(([path, sum]) => `${sum}  ${path}\n`).join(''), 0o644)
}

/** No editor looks for a schema in /etc. */
function withoutSchema(yaml: string): string {
  return yaml.replace(/^# yaml-language-server:.*\n/, '')
}

/** A file of packaging/deb with its @NAMES@ filled in. */
function template(name: string, values: Values): string {
  const text = readFileSync(join(sources, name), 'utf8')
  return text.replace(/@([A-Z_]+)@/g, (_all, key: string) => {
    const value = values[key]
    if (value === undefined) throw new Error(`packaging/deb/${name} asks for @${key}@`)
    return value
  })
}

/** As `gzip -9n`: without a name and a time. */
function zip(text: string): Uint8Array {
  return gzipSync(text, { level: 9 })
}

function write(path: string, bytes: string | Uint8Array, mode: number): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  writeFileSync(path, bytes)
  chmodSync(path, mode)
}

function copy(from: string, to: string, mode: number): void {
  mkdirSync(dirname(to), { recursive: true, mode: 0o755 })
  copyFileSync(from, to)
  chmodSync(to, mode)
}

/** Everything below a folder, and itself, in a fixed order. */
function walk(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return [folder, ...names.sort().map((name) => join(folder, name))]
}

/** SOURCE_DATE_EPOCH, else the time of the last commit, else of the package's manifest. */
function epochSeconds(): number {
  const given = Number(process.env.SOURCE_DATE_EPOCH)
  if (process.env.SOURCE_DATE_EPOCH !== undefined && Number.isSafeInteger(given)) return given
  try {
    return Number(output('git', ['-C', root, 'log', '-1', '--format=%ct']))
  } catch {
    return Math.floor(statSync(join(root, 'package.json')).mtimeMs / 1000)
  }
}

function output(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8' })
}

if (import.meta.main) {
  const { values } = parseScript(import.meta.filename, {
    options: { compression: { type: 'string' }, version: { type: 'string' } },
  })
  const deb = buildDeb(await buildAgent(), values)
  console.log(`${relative(root, deb)} ${(statSync(deb).size / 1e6).toFixed(1)} MB`)
}
