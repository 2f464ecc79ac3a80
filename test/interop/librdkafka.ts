// librdkafka's own C tests against our broker (or Apache Kafka): which pass is kept in .ci/librdkafka-tests.txt.
//
//   node test/interop/librdkafka.ts [--broker logdrive|apache] [--test 0012 ...] [--mode plain|idempotent|noautocreate]
//                                   [--candidates] [--slow] [--lanes 2] [--patience 1] [--write]
//
// --patience: how many times as long as they ask for the tests may wait, for a machine that is busy.
// Without --candidates the tests of the list run: one that fails has left the list, and fails this program. The sources come
// with the npm package of Confluent's JavaScript client; they are built here and nothing of them is committed.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { parseScript } from '../script.ts'
import { brokerNamed } from './brokers.ts'
import { cachedFolder, progress } from './cache.ts'
import { outcomeOf, run } from './commands.ts'
import { debianPackages } from './debian.ts'

const tarball = '@confluentinc/kafka-javascript@1.10.1'
const listFile = join(import.meta.dirname, '../../.ci/librdkafka-tests.txt')

/** `noautocreate` is a scenario of the suite: a broker that makes no topics by itself. */
const modes = ['plain', 'idempotent', 'noautocreate'] as const

type Mode = (typeof modes)[number]

/** For sed: three copies of a topic become one, for there is one node. */
const oneCopy = 's/(test_create_topic_wait_exists\\([^;]*), 3, 5000\\)/\\1, 1, 5000)/'

/** For sed: as with old brokers, configs of the broker itself are left out; ours are in logdrive.yaml. */
const fixedBroker = 's/test_broker_version >= TEST_BRKVER\\(1, 1, 0, 0\\)/0/'

/** Tests worth running against a broker: research/kafka.md, section 5. Without 0028, 0044, 0052, 0077, 0109, 0115, 0119: these call Kafka's shell scripts. */
const candidates = `
  0001 0002 0003 0005 0007 0008 0012 0013 0015 0017 0018 0019 0022 0026 0029 0030 0031 0033 0034 0036 0041 0042 0045
  0050 0054 0056 0061 0063 0067 0069 0070 0073 0075 0076 0081 0082 0085 0086 0089 0090 0093 0094 0097 0098 0099 0101
  0102 0103 0107 0110 0112 0113 0114 0118 0122 0127 0129 0130 0132 0137 0140`
  .trim()
  .split(/\s+/)

/** Arguments of the test runner in each mode. */
const extra: Readonly<Record<Mode, readonly string[]>> = {
  plain: [],
  idempotent: ['-P'],
  noautocreate: ['-s', 'noautocreate'],
}

const noAutoCreate = ['0107']

/** Quick mode leaves out all or most of these, and they are worth the time. */
const neverQuick = ['0082', '0102']

/** Whole, 0081 waits for sessions of 6 s to end for exactly 6 s, and 0113 takes more than six minutes. */
const alwaysQuick = ['0081', '0113']

/** They subscribe to patterns of names, which topics of another run of them match as well. */
const alone = ['0033', '0045']

interface Result {
  readonly test: string
  readonly mode: Mode
  readonly outcome: 'passed' | 'skipped' | 'failed'
  readonly seconds: number
  /** The line that says why, for a failed test. */
  readonly why: string
}

const { values: flags } = parseScript(import.meta.filename, {
  options: {
    broker: { type: 'string', default: 'logdrive' },
    test: { type: 'string', multiple: true, default: [] },
    mode: { type: 'string' },
    candidates: { type: 'boolean', default: false },
    slow: { type: 'boolean', default: false },
    lanes: { type: 'string', default: '2' },
    timeout: { type: 'string', default: '180' },
    patience: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
    log: { type: 'string' },
  },
})

const folder = await built()
await using broker = await brokerNamed(flags.broker, { partitions: 4, acls: true })
await using strict = await brokerNamed(flags.broker, { partitions: 4, autoCreate: false })
progress(`${broker.name} ${broker.version} at ${broker.plain}`)
const results = await runAll(wanted())
if (flags.write) writeFileSync(listFile, listText(results))
const failed = results.filter(({ outcome }) => outcome === 'failed')
for (const { test, mode, why } of failed) console.log(`FAIL ${test} ${mode}: ${why}`)
const skipped = results.filter(({ outcome }) => outcome === 'skipped').length
if (skipped > 0) console.log(`${skipped} skipped themselves`)
console.log(`${results.length - failed.length - skipped} passed, ${failed.length} failed`)
process.exitCode = failed.length > 0 ? 1 : 0

/** The sources, configured and built: libraries and test-runner. Two to five minutes the first time. */
async function built(): Promise<string> {
  await debianPackages(['build-essential', 'libssl-dev', 'zlib1g-dev', 'libzstd-dev', 'rapidjson-dev'])
  const cached = await cachedFolder('librdkafka', `${tarball} 3`, async (aside) => {
    await run('npm', ['pack', '--silent', tarball], { cwd: aside })
    await run('sh', ['-c', 'tar xzf *.tgz --strip-components=3 package/deps/librdkafka && rm *.tgz'], {
      cwd: aside,
    })
    await run('sh', ['-c', `sed -i -E '${oneCopy}' tests/*.c`], { cwd: aside })
    await run('sed', ['-i', '-E', fixedBroker, 'tests/0081-admin.c'], { cwd: aside })
    await run('./configure', ['--disable-sasl', '--disable-gssapi', '--disable-curl'], { cwd: aside })
    await run('make', ['-j2', 'libs'], { cwd: aside, timeoutMs: 900_000 })
    await run('make', ['-j2', 'test-runner'], { cwd: join(aside, 'tests'), timeoutMs: 900_000 })
  })
  return cached
}

/** What to run: asked for, or all candidates, or the list. */
function wanted(): [string, Mode][] {
  const inMode = modes.filter((mode) => flags.mode === undefined || flags.mode === mode)
  const tests = flags.test.length > 0 ? flags.test : candidates
  if (flags.test.length > 0 || flags.candidates) {
    const all = tests.flatMap((test) => inMode.map((mode) => [test, mode] as [string, Mode]))
    return all.filter(([test, mode]) => mode !== 'noautocreate' || noAutoCreate.includes(test))
  }
  return listed().filter(([, mode]) => inMode.includes(mode))
}

/** The list: `0012 plain idempotent` a line; `#` begins a comment. */
function listed(): [string, Mode][] {
  return readFileSync(listFile, 'utf8')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
    .flatMap((line) => {
      const [test = '', ...words] = line.split(/\s+/)
      return modes.filter((mode) => words.includes(mode)).map((mode) => [test, mode] as [string, Mode])
    })
}

async function runAll(jobs: readonly (readonly [string, Mode])[]): Promise<Result[]> {
  const waiting = jobs.filter(([test]) => !alone.includes(test))
  const results: Result[] = []
  const last = jobs.filter(([test]) => alone.includes(test))
  const lane = async (waiting: (readonly [string, Mode])[]) => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const result = await runOne(...job)
      results.push(result)
      const why = result.why === '' ? '' : `: ${result.why}`
      progress(
        `${result.outcome.padEnd(7)} ${result.test} ${result.mode} (${result.seconds.toFixed(1)} s)${why}`,
      )
    }
  }
  await Promise.all(Array.from({ length: Number(flags.lanes) }, () => lane(waiting)))
  await lane(last)
  return results.sort((a, b) => a.test.localeCompare(b.test) || a.mode.localeCompare(b.mode))
}

async function runOne(test: string, mode: Mode): Promise<Result> {
  const began = performance.now()
  const args = ['-L', '-p1', ...(isQuick(test) ? ['-Q'] : []), ...extra[mode]]
  const conf = join(folder, `test-${process.pid}-${test}-${mode}.conf`)
  const { plain } = mode === 'noautocreate' ? strict : broker
  const lines = [`bootstrap.servers=${plain}`, 'test.topic.random=true']
  writeFileSync(conf, [...lines, `test.timeout.multiplier=${flags.patience}`, ''].join('\n'))
  const outcome = await outcomeOf('./test-runner', args, {
    cwd: join(folder, 'tests'),
    timeoutMs: Number(flags.timeout) * Number(flags.patience) * 1000,
    env: {
      TESTS: test,
      RDKAFKA_TEST_CONF: conf,
      TEST_KAFKA_VERSION: '3.9.0',
      LD_LIBRARY_PATH: `${join(folder, 'src')}:${join(folder, 'src-cpp')}`,
    },
  })
  rmSync(conf, { force: true })
  const seconds = (performance.now() - began) / 1000
  const text = stripVTControlCharacters(`${outcome.stdout}${outcome.stderr}`)
  if (flags.log !== undefined) writeFileSync(`${flags.log}.${test}.${mode}`, text)
  if (outcome.timedOut) return { test, mode, outcome: 'failed', seconds, why: `no end; ${failureOf(text)}` }
  if (outcome.code !== 0) return { test, mode, outcome: 'failed', seconds, why: failureOf(text) }
  const passed = new RegExp(`\\| ${test}\\w* +\\| +PASSED`).test(text)
  return { test, mode, outcome: passed ? 'passed' : 'skipped', seconds, why: '' }
}

function isQuick(test: string): boolean {
  return alwaysQuick.includes(test) || (!flags.slow && !neverQuick.includes(test))
}

/** The first failure that the suite tells, else its last line. */
function failureOf(text: string): string {
  const told =
    /### Test "[^"]*" failed at (\S+?):\(?\)? .*\n(.*)/.exec(text) ??
    /### Test "[^"]*" failed at (\S+) .*\n(.*)/.exec(text)
  const why = told === null ? text.trim().split('\n').at(-1) : `${told[2]} (${told[1]})`
  return (why ?? '').trim().slice(0, 300)
}

function listText(found: readonly Result[]): string {
  const tests = [...new Set(found.map(({ test }) => test))]
  const passing = (test: string) =>
    found.filter((result) => result.test === test && result.outcome === 'passed').map(({ mode }) => mode)
  const lines = tests
    .filter((test) => passing(test).length > 0)
    .map((test) => `${test} ${passing(test).join(' ')}`)
  const others = found
    .filter(({ outcome }) => outcome !== 'passed')
    .map(({ test, mode, outcome, why }) => `# ${test} ${mode}: ${outcome}${why === '' ? '' : `: ${why}`}`)
  const head =
    '# Tests of librdkafka that our broker passes: `node test/interop/librdkafka.ts`. One that leaves this list fails CI.\n'
  return `${head}${[...lines, ...others].join('\n')}\n`
}
