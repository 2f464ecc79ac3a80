// rsyslog and syslog-ng as drivers: each ships the lines of a job to a topic and stops when they are delivered.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { cachedFolder } from './cache.ts'
import type { Client } from './case.ts'
import { CommandDriver } from './command-driver.ts'
import { outcomeOf, run } from './commands.ts'
import { debianPackages, unpackedPackages, versionOf } from './debian.ts'
import type { ProduceJob } from './job.ts'

const onlyWrites = 'ships lines only'
const lacks = Object.fromEntries(
  [
    ...['consume beginning', 'consume end', 'consume time', 'keys', 'headers', 'group', 'group kill'],
    ...['cooperative', 'admin topics', 'admin groups', 'transactions', 'read committed'],
  ].map((name) => [name, onlyWrites]),
)

/** rsyslog's omkafka, Debian's package. */
export async function rsyslog(): Promise<Client> {
  await debianPackages(['rsyslog', 'rsyslog-kafka'])
  const version = versionOf('rsyslog')?.split('-')[0] ?? '?'
  const driver = shipping(shipByRsyslog)
  return { name: 'rsyslog', version, shapes: 'lines', lacks, driver }
}

/** syslog-ng's kafka-c destination. Debian does not install it beside rsyslog, so its packages are only unpacked. */
export async function syslogNg(): Promise<Client> {
  const libraries = ['libpcre3', 'libwrap0', 'libivykis0', 'libnet1', 'libjson-c5', 'librdkafka1']
  await debianPackages(libraries)
  const root = await cachedFolder('syslog-ng', '1', (aside) =>
    unpackedPackages(['syslog-ng-core', 'syslog-ng-mod-rdkafka'], aside),
  )
  const program = join(root, 'usr/sbin/syslog-ng')
  const env = { LD_LIBRARY_PATH: join(root, 'usr/lib/syslog-ng') }
  const version = /\((.*)\)|version: ([\d.]+)/.exec(await run(program, ['--version'], { env }))?.[1] ?? '3.38'
  const driver = shipping((job, folder) => shipBySyslogNg(job, folder, { root, program, env }))
  return { name: 'syslog-ng', version, shapes: 'lines', lacks, driver }
}

/** A driver that hands the lines of each job to `ship`, with a folder for its files. */
function shipping(ship: (job: ProduceJob, folder: string) => Promise<void>) {
  return () =>
    new CommandDriver(async (job, { folder }) => {
      if (job.op !== 'produce') throw new Error(`a log shipper does not ${job.op}`)
      await ship(job, folder)
      return { acks: null }
    })
}

/** librdkafka's settings for a job: both shippers pass them on. */
function settings(job: ProduceJob): [string, string][] {
  const { security } = job
  const all: [string, string | undefined][] = [
    ['acks', 'all'],
    ['linger.ms', '50'],
    ['compression.codec', job.codec ?? 'none'],
    ['enable.idempotence', job.idempotent === true ? 'true' : undefined],
    ['security.protocol', security?.protocol],
    ['sasl.mechanism', security?.mechanism],
    ['sasl.username', security?.username],
    ['sasl.password', security?.password],
    ['ssl.ca.location', security?.ca],
    ['ssl.certificate.location', security?.cert],
    ['ssl.key.location', security?.key],
  ]
  return all.filter((pair): pair is [string, string] => pair[1] !== undefined)
}

function linesOf(job: ProduceJob): string {
  return job.records.map(({ value }) => `${Buffer.from(value ?? '', 'base64').toString('utf8')}\n`).join('')
}

async function shipByRsyslog(job: ProduceJob, folder: string): Promise<void> {
  const input = join(folder, 'input')
  const internal = join(folder, 'internal.log')
  const stats = join(folder, 'stats.log')
  writeFileSync(input, linesOf(job))
  const parameters = settings(job).map(([name, value]) => JSON.stringify(`${name}=${value}`))
  writeFileSync(
    join(folder, 'rsyslog.conf'),
    `global(workDirectory="${folder}" maxMessageSize="256k")
module(load="imfile" mode="inotify")
module(load="omkafka")
module(load="impstats" interval="1" format="json" log.syslog="off" log.file="${stats}")
template(name="raw" type="string" string="%msg%")
input(type="imfile" File="${input}" Tag="interop" ruleset="out")
ruleset(name="out") {
  action(type="omkafka" broker=${JSON.stringify(job.brokers.split(','))} topic="${job.topic}" template="raw"
    partitions.auto="on" closeTimeout="10000" confParam=[${parameters.join(', ')}])
}
action(type="omfile" file="${internal}")
`,
  )
  // It runs until it has handed over all lines, then it is stopped: it waits for what is in flight.
  const stop = new AbortController()
  const ended = outcomeOf('sh', ['-c', rsyslogScript(folder)], { timeoutMs: 40_000 }).finally(() =>
    stop.abort(),
  )
  const until = performance.now() + 20_000
  while (!stop.signal.aborted && performance.now() < until) {
    if (submitted(stats) >= job.records.length) break
    if (trouble(internal) !== null) break
    await delay(100)
  }
  const problem = trouble(internal)
  const count = submitted(stats)
  writeFileSync(join(folder, 'stop'), '')
  await ended
  if (problem !== null) throw new Error(problem)
  if (count < job.records.length) throw new Error(`rsyslog took ${count} of ${job.records.length}`)
}

/** Runs rsyslogd until a file named stop appears. */
function rsyslogScript(folder: string): string {
  const start = `rsyslogd -n -f ${folder}/rsyslog.conf -i ${folder}/pid`
  return `${start} & child=$!; while [ ! -e ${folder}/stop ]; do sleep 0.1; done; kill $child; wait $child`
}

/** Messages given to librdkafka, by impstats. rsyslogd waits for their delivery when it is told to stop. */
function submitted(stats: string): number {
  if (!existsSync(stats)) return 0
  const last = [...readFileSync(stats, 'utf8').matchAll(/"submitted": ?(\d+)/g)].at(-1)
  return Number(last?.[1] ?? 0)
}

function trouble(internal: string): string | null {
  if (!existsSync(internal)) return null
  const text = readFileSync(internal, 'utf8')
  return /^.*(authentication|handshake|certificate).*$/im.exec(text)?.[0].slice(0, 400) ?? null
}

async function shipBySyslogNg(
  job: ProduceJob,
  folder: string,
  { root, program, env }: { root: string; program: string; env: Readonly<Record<string, string>> },
): Promise<void> {
  const parameters = settings(job).map(([name, value]) => `"${name}"("${value}")`)
  const file = join(folder, 'syslog-ng.conf')
  writeFileSync(
    file,
    `@version: 3.38
source lines { stdin(flags(no-parse)); };
destination kafka { kafka-c(bootstrap-servers("${job.brokers}") topic("${job.topic}") message("$MSG")
  config(${parameters.join(' ')}) flush-timeout-on-shutdown(10000)); };
log { source(lines); destination(kafka); };
`,
  )
  const own = ['persist-file', 'pidfile', 'control'].map((name) => `--${name}=${join(folder, name)}`)
  const modules = `--module-path=${join(root, 'usr/lib/syslog-ng/3.38')}`
  const args = ['-F', '-e', '--no-caps', '-f', file, modules, ...own]
  const outcome = await outcomeOf(program, args, { input: linesOf(job), env, timeoutMs: 40_000 })
  const said = outcome.stderr.toString('utf8')
  // It ends with the input, and says so when something could not be delivered in time.
  const problem = /^(?!.*retrying).*(authentication|handshake|certificate|could not|failed).*$/im.exec(
    said,
  )?.[0]
  if (outcome.timedOut || problem !== undefined)
    throw new Error(problem?.slice(0, 400) ?? 'syslog-ng did not end')
}
