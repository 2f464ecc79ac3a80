// The checks of logdrive doctor: each looks at one thing and says what it found, and the fix.

import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { hostname } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import type { SinkConfig } from '../config/schema.ts'
import { systemCode } from '../core/errors.ts'
import type { Address, HttpResponse } from '../core/runtime.ts'
import { httpClient } from '../runtime/http-client.ts'
import { field } from './client.ts'
import { humanSize, humanTime } from './output.ts'

const timeoutMs = 3000
const freeBytesFail = 128 * 1024 * 1024
const freeBytesWarn = 2 * 1024 * 1024 * 1024
const skewMsWarn = 5000
/** How far below the data folder damage is looked for: topic, partition, quarantine, and one to spare. */
const depthMax = 4
const foldersMax = 10_000
const nodeMajorMin = 24
/** Before this was written no clock was right. */
const earliestMs = Date.UTC(2026, 0, 1)

/** What one check found. */
export interface Check {
  readonly name: string
  readonly result: 'ok' | 'warn' | 'fail'
  readonly about: string
  readonly fix?: string
}

/** The version of Node that runs this. */
export function checkNode(): Check {
  const major = Number(process.versions.node.split('.')[0])
  const about = `${process.versions.node} on ${process.platform} ${process.arch}`
  if (major >= nodeMajorMin) return { name: 'Node', result: 'ok', about }
  return { name: 'Node', result: 'fail', about, fix: `use Node ${nodeMajorMin} or newer` }
}

/** Whether a folder can be written and synced, and how much room it has. Leaves nothing behind. */
export function checkFolder(name: string, path: string): readonly Check[] {
  const full = resolve(path)
  const exists = existsSync(full)
  const place = exists ? full : nearestFolder(full)
  const checks: Check[] = []
  try {
    if (!statSync(place).isDirectory()) throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' })
    accessSync(place, constants.W_OK | constants.X_OK)
    if (exists) probe(full)
    const about = exists ? `${full} can be written and synced` : `${full} is not there yet; it can be made`
    checks.push({ name, result: 'ok', about })
  } catch (error) {
    const code = systemCode(error)
    const fix =
      code === 'ENOSPC'
        ? 'free some space; nothing is lost, writing goes on by itself'
        : `give it to the user that runs Logdrive: chown -R USER ${place}`
    checks.push({ name, result: 'fail', about: `${place} cannot be written (${code})`, fix })
  }
  checks.push(checkSpace(name, place))
  return checks
}

/** Who has the folder, by what the owner wrote beside its lock. The lock itself is never opened here. */
export function checkOwner(name: string, path: string): readonly Check[] {
  const title = `${name}: owner`
  const file = join(resolve(path), '.lock-owner')
  if (!existsSync(file)) return []
  let owner: unknown
  try {
    owner = JSON.parse(readFileSync(file, 'utf8').slice(0, 4096))
  } catch {
    return [{ name: title, result: 'warn', about: `${file} cannot be read`, fix: 'look again in a moment' }]
  }
  const pid = field(owner, 'pid')
  const host = field(owner, 'host')
  const about = `process ${String(pid)} on ${String(host)}, since ${String(field(owner, 'since'))}`
  if (host !== hostname()) {
    const fix = 'two machines may not share it at the same time: see that this one does not start too'
    return [{ name: title, result: 'warn', about, fix }]
  }
  if (typeof pid === 'number' && isAlive(pid))
    return [{ name: title, result: 'ok', about: `in use by ${about}` }]
  // The kernel let the lock go when that process died; the note beside it stays until the next start.
  return [{ name: title, result: 'ok', about: `free; ${about}, ended without saying so` }]
}

/** Copies of damaged pieces of the log that were set aside at a start, anywhere in the data folder. */
export function checkQuarantine(data: string): readonly Check[] {
  const folders = quarantinesIn(resolve(data))
  const count = folders.reduce((sum, folder) => sum + entriesOf(folder).length, 0)
  if (count === 0) return []
  const about = `${count} damaged ${count === 1 ? 'piece' : 'pieces'} of the log, such as in ${folders[0]}`
  const fix = 'see what was lost in "logdrive status"; keep the copies for a report, then remove them'
  return [{ name: 'damage', result: 'warn', about, fix }]
}

/** Whether the port is free, or taken by a program that answers `path` well: then it is ours. */
export async function checkPort(
  name: string,
  address: Address,
  path: string,
  signal: AbortSignal,
): Promise<Check> {
  const shown = `${address.host}:${address.port}`
  const trouble = await tryToListen(address)
  if (trouble === undefined) return { name, result: 'ok', about: `${shown} is free` }
  if (trouble !== 'EADDRINUSE') {
    const fix =
      trouble === 'EACCES'
        ? 'ports below 1024 need a right: take another'
        : 'is this an address of this machine?'
    return { name, result: 'fail', about: `cannot listen on ${shown} (${trouble})`, fix }
  }
  const answer = await get(`${urlOf(address)}${path}`, signal)
  if (answer?.status === 200) return { name, result: 'ok', about: `a collector is running on ${shown}` }
  const fix = `stop the other program, or set another port: collector.http.listen (ss -ltnp 'sport = :${address.port}')`
  return { name, result: 'fail', about: `${shown} is taken by another program`, fix }
}

/** Whether the ClickHouse behind a sink answers, or the embedded one can be started. */
export async function checkClickHouse(sink: string, config: SinkConfig, signal: AbortSignal): Promise<Check> {
  const name = `ClickHouse of ${sink}`
  const url = field(config.server, 'url')
  if (typeof url === 'string') {
    const { origin } = new URL(url)
    const answer = await get(new URL('/ping', url).href, signal)
    if (answer?.status === 200) return { name, result: 'ok', about: `${origin} answers` }
    const about = answer === undefined ? `${origin} does not answer` : `${origin} answered ${answer.status}`
    return { name, result: 'fail', about, fix: `is it running, and is sinks.${sink}.server.url right?` }
  }
  const port = typeof config.port === 'number' ? config.port : 8123
  const answer = await get(`http://127.0.0.1:${port}/ping`, signal)
  if (answer?.status === 200) return { name, result: 'ok', about: `embedded, running on 127.0.0.1:${port}` }
  if ((await tryToListen({ host: '127.0.0.1', port })) !== undefined) {
    const fix = `stop the other program, or set another port: sinks.${sink}.port`
    return { name, result: 'fail', about: `127.0.0.1:${port} is taken by another program`, fix }
  }
  if (isInstalled('chdb')) return { name, result: 'ok', about: `embedded, not running; port ${port} is free` }
  const fix = `npm install chdb, or name a server: sinks.${sink}.server: { url: ... }`
  return { name, result: 'fail', about: 'the embedded engine (chdb) is not installed', fix }
}

/** The clock against itself, the newest file of the data folder, and a collector that runs. */
export async function checkClock(data: string, address: Address, signal: AbortSignal): Promise<Check> {
  const name = 'clock'
  const now = Date.now()
  const about = new Date(now).toISOString()
  const fix = 'set the clock and keep it right: timedatectl set-ntp true'
  if (now < earliestMs) return { name, result: 'fail', about: `${about} is in the past`, fix }
  const ahead = newestChange(resolve(data)) - now
  if (ahead > skewMsWarn)
    return {
      name,
      result: 'warn',
      about: `${about} is ${humanTime(ahead)} behind the newest file of ${data}`,
      fix,
    }
  const asked = Date.now()
  const answer = await get(`${urlOf(address)}/healthz`, signal)
  const theirs = Date.parse(answer?.headers.date ?? '')
  // The header counts seconds, and the answer took its time.
  const skewMs = Math.abs(theirs - asked) - (Date.now() - asked) - 1000
  if (skewMs > skewMsWarn)
    return { name, result: 'warn', about: `${humanTime(skewMs)} away from the clock of the collector`, fix }
  return { name, result: 'ok', about }
}

function checkSpace(name: string, place: string): Check {
  const title = `${name}: space`
  try {
    const { bavail, bsize, blocks } = statfsSync(place)
    const free = bavail * bsize
    const about = `${humanSize(free)} free of ${humanSize(blocks * bsize)}`
    const fix = 'free some space, or lower retention (topics.NAME.retention)'
    if (free < freeBytesFail) return { name: title, result: 'fail', about, fix }
    return free < freeBytesWarn
      ? { name: title, result: 'warn', about, fix }
      : { name: title, result: 'ok', about }
  } catch (error) {
    return { name: title, result: 'warn', about: `free space is not known (${systemCode(error)})` }
  }
}

/** Writes, syncs and removes a file. */
function probe(folder: string): void {
  const path = join(folder, `.doctor-${process.pid}`)
  const file = openSync(path, 'wx')
  try {
    writeSync(file, Buffer.alloc(4096))
    fsyncSync(file)
  } finally {
    closeSync(file)
    rmSync(path, { force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}

function quarantinesIn(data: string): readonly string[] {
  const found: string[] = []
  let level = [data]
  for (let depth = 0; depth < depthMax; depth++) {
    const below = level.flatMap((folder) => foldersOf(folder).map((name) => join(folder, name)))
    found.push(...below.filter((folder) => basename(folder) === 'quarantine'))
    level = below.slice(0, foldersMax)
  }
  return found
}

function foldersOf(folder: string): readonly string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true })
    return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
  } catch {
    return []
  }
}

function nearestFolder(path: string): string {
  let place = path
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place)
  return place
}

function newestChange(folder: string): number {
  const times = entriesOf(folder).map(
    (name) => statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
  )
  return Math.max(0, ...times)
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Undefined when it can be listened on, else the code of the trouble. */
/** The code of what keeps from listening there, or undefined when nothing does. */
export async function tryToListen(address: Address): Promise<string | undefined> {
  const server = createServer()
  return await new Promise((done) => {
    server.once('error', (error) => done(systemCode(error)))
    server.listen(address.port, address.host, () => server.close(() => done(undefined)))
  })
}

async function get(url: string, signal: AbortSignal): Promise<HttpResponse | undefined> {
  try {
    return await httpClient()({ method: 'GET', url, headers: {}, body: null, timeoutMs }, signal)
  } catch (error) {
    if (signal.aborted) throw error
    return undefined
  }
}

/** Where the address is reached from here. */
function urlOf(address: Address): string {
  const host = address.host === '0.0.0.0' ? '127.0.0.1' : address.host === '::' ? '::1' : address.host
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`
}

function isInstalled(name: string): boolean {
  try {
    return existsSync(new URL(import.meta.resolve(name)))
  } catch {
    return false
  }
}
