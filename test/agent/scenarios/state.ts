// Scenarios 49-55: restarts, what the state folder may look like, and how it is forgotten.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { Checkpoint } from '../../../agent/state/checkpoint.ts'
import { encodeRecord } from '../../../agent/state/checkpoint-file.ts'
import { LogdriveError } from '../../../core/errors.ts'
import type { Runtime } from '../../../core/runtime.ts'
import { lockFolder } from '../../../runtime/lock.ts'
import type { AgentSetup } from './agent-reader.ts'
import { isWithin, type Scenario, type Scene } from './harness.ts'

type Lines = { readonly level: string; readonly message: string }[]

/** An agent whose log is looked at. */
function told(lines: Lines, over: Partial<AgentSetup> = {}): AgentSetup {
  const note = (level: string) => (_fields: object, message: string) => {
    lines.push({ level, message })
  }
  const logger = {
    debug: () => {},
    info: note('info'),
    warn: note('warn'),
    error: note('error'),
    child: () => logger,
  }
  return { ...over, world: (runtime) => ({ ...(over.world?.(runtime) ?? runtime), logger }) }
}

/** One way to damage the checkpoints of an agent that has stopped. */
interface Damage {
  readonly name: string
  /** What the agent has to say, and how loudly. */
  readonly says: RegExp | null
  readonly level?: 'warn'
  readonly isKept?: boolean
  damage(file: string): void
}

const edit = (change: (bytes: Buffer) => Uint8Array) => (file: string) =>
  fs.writeFileSync(file, change(fs.readFileSync(file)))

const damages: readonly Damage[] = [
  { name: 'empty', says: /damaged/, isKept: true, damage: edit(() => Buffer.alloc(0)) },
  {
    name: 'cut in the middle',
    says: /damaged/,
    isKept: true,
    damage: edit((all) => all.subarray(0, 60)),
  },
  { name: 'zeroed', says: /damaged/, isKept: true, damage: edit((all) => Buffer.alloc(all.length)) },
  { name: 'garbage', says: /damaged/, isKept: true, damage: edit((all) => Buffer.alloc(all.length, 0xe5)) },
  { name: 'a bit flipped in the middle', says: /damaged/, isKept: true, damage: edit(flipped) },
  {
    name: 'a torn append',
    says: /cut short/,
    level: 'warn',
    damage: (file) => fs.appendFileSync(file, '\n1234abcd {"source":"half of a rec'),
  },
  {
    name: 'an append of zeros',
    says: /cut short/,
    level: 'warn',
    damage: (file) => fs.appendFileSync(file, Buffer.alloc(700)),
  },
  {
    name: 'a newer version',
    says: /newer version/,
    isKept: true,
    // With its checksum, which holds for that version.
    damage: edit((all) => Buffer.concat([Buffer.from('logdrive-checkpoints 3 0 71a50bb0\n'), all])),
  },
  { name: 'missing', says: null, damage: (file) => fs.rmSync(file) },
  {
    name: 'a snapshot that was not finished',
    says: null,
    damage: (file) => fs.writeFileSync(`${file}.new`, 'log'),
  },
  { name: 'a folder in its place', says: /cannot be read/, isKept: true, damage: replaceByFolder },
  {
    name: 'and the agent id is garbage',
    says: /taken from the checkpoints/,
    level: 'warn',
    damage: (file) => fs.writeFileSync(path.join(path.dirname(file), 'agent-id'), 'x'.repeat(9)),
  },
]

/** With another append behind it: what is wrong in the last one a crash may have done. */
function flipped(all: Buffer): Uint8Array {
  const last = all.subarray(all.lastIndexOf('\n', all.length - 2))
  const at = all.indexOf('"position"')
  all[at] = (all[at] as number) ^ 1
  return Buffer.concat([all, last])
}

function replaceByFolder(file: string): void {
  fs.rmSync(file)
  fs.mkdirSync(file)
}

/** Two files; the state is damaged between two runs; then both go on, and again after another run. */
function damaged({ name, says, isKept = false, damage, ...rest }: Damage): Scenario {
  const level = rest.level ?? 'error'
  const lines: Lines = []
  return {
    number: '51',
    title: `checkpoints: ${name}`,
    agent: told(lines),
    async run(scene) {
      for (const log of ['a.log', 'b.log']) scene.write(log, `${log} first`, `${log} second`)
      await scene.start()
      await scene.caughtUp()
      await scene.stop()
      lines.length = 0
      const file = path.join(scene.agent.stateFolder, 'checkpoints')
      damage(file)
      for (const log of ['a.log', 'b.log']) scene.write(log, `${log} third`)
      await scene.start()
      await scene.settled()
      const loud = lines.filter((line) => line.level === 'error' || line.level === 'warn')
      if (says === null) assert.deepEqual(loud, [])
      else assert(loud.some((line) => line.level === level && says.test(line.message)))
      assert.equal(fs.existsSync(`${file}.damaged`), isKept)
      await scene.stop()
      lines.length = 0
      await scene.begin('a.log', 'a.log fourth')
      assert.deepEqual(
        lines.filter((line) => line.level === 'error'),
        [],
        'it is whole again',
      )
    },
  }
}

/** A disk that takes no more writes in the state folder from some moment on. */
function unwritable(code: 'FORBIDDEN' | 'DISK_FULL'): Scenario {
  const lines: Lines = []
  let writable = true
  const world = (runtime: Runtime): Runtime => ({
    ...runtime,
    storage: {
      ...runtime.storage,
      open: async (target, mode) => {
        if (mode === 'write' && !writable) throw new LogdriveError(code, `open ${target}`)
        return await runtime.storage.open(target, mode)
      },
    },
  })
  return {
    number: '51',
    title: `a state folder that is ${code === 'FORBIDDEN' ? 'read-only' : 'on a full disk'}: it ships on, and says so`,
    agent: told(lines, { world }),
    async run(scene) {
      await scene.begin('a.log', 'first')
      writable = false
      scene.write('a.log', 'second')
      await scene.caughtUp()
      assert(await isWithin(5000, () => lines.some(({ message }) => message.includes('cannot be written'))))
      await scene.stop()
      scene.write('a.log', 'third')
      scene.write('b.log', 'another')
      await scene.start()
      await scene.settled()
      // The truncation begins a new epoch, which cannot be kept either.
      scene.copyTruncate()
      scene.write('a.log', 'fourth, and longer than all that was there before it')
      await scene.settled()
      await scene.stop()
      writable = true
      scene.write('a.log', 'fifth')
      await scene.start()
      await scene.settled()
      assert.equal(
        lines.filter(({ message }) => message.includes('cannot be written')).length,
        2,
        'said once a start',
      )
    },
  }
}

/** A state folder whose checkpoints are of so many files that are gone. */
function fillWithDead(scene: Scene, count: number, updatedAt: number): void {
  const file = path.join(scene.agent.stateFolder, 'checkpoints')
  const print = { length: 0, hash: '' }
  const dead = Array.from({ length: count }, (_, number) =>
    encodeRecord({
      kind: 'checkpoint',
      checkpoint: new Checkpoint({
        source: `dead-${number}`,
        locator: { dev: 99n, ino: BigInt(number), birthtimeNs: 1n },
        path: scene.path(`dead-${number}.log`),
        input: 'logs',
        ...{
          epoch: 0,
          position: 1,
          kept: 1,
          size: 1,
          missing: 0,
          mtimeMs: 0,
          updatedAt,
          head: print,
          guard: print,
        },
      }),
    }),
  )
  fs.appendFileSync(file, Buffer.concat([Buffer.from('\n'), ...dead]))
}

export const state: readonly Scenario[] = [
  {
    number: '49',
    title: 'what was not acknowledged is sent again after a restart, what was is not',
    async run(scene) {
      await scene.begin('a.log', 'kept 1', 'kept 2')
      const { receiver } = scene.agent
      let refusals = 0
      receiver.intercept = ({ method }) => {
        if (method !== 'POST') return null
        refusals += 1
        return { status: 503, headers: {}, body: '' }
      }
      scene.write('a.log', 'late 1', 'late 2')
      assert(await isWithin(10_000, () => refusals > 2))
      await scene.stop()
      receiver.intercept = null
      await scene.start()
      await scene.settled()
      assert.equal(receiver.outcomes.duplicate, 0)
    },
  },
  ...damages.map(damaged),
  unwritable('FORBIDDEN'),
  unwritable('DISK_FULL'),
  {
    number: '52',
    title: 'killed between the acknowledgement and the sync of its position',
    agent: { limits: { checkpointMs: 3_600_000 } },
    async run(scene) {
      await scene.begin('a.log', 'first')
      for (let round = 0; round < 3; round += 1) {
        scene.write('a.log', `in round ${round}`)
        await scene.caughtUp()
        await scene.kill()
        await scene.start()
      }
      await scene.settled()
    },
  },
  {
    number: '53',
    title: 'a second agent of the same state folder is refused',
    async run(scene) {
      await using _lock = await lockFolder(scene.agent.stateFolder)
      await assert.rejects(lockFolder(scene.agent.stateFolder), {
        code: 'DATA_LOCKED',
        message: /in use by process \d+/,
      })
    },
  },
  {
    number: '54',
    title: 'the checkpoints of the version before are read, and written in this one',
    async run(scene) {
      await scene.begin('a.log', 'first', 'second')
      await scene.stop()
      const file = path.join(scene.agent.stateFolder, 'checkpoints')
      const { receiver } = scene.agent
      const records = fs
        .readFileSync(file, 'latin1')
        .split('\n')
        .filter((line) => line.includes('"source"'))
      // The last one of a file counts; version 1 had no others.
      fs.writeFileSync(file, `logdrive-checkpoints 1 1\n${records.at(-1)}\n`, 'latin1')
      // A collector that knows nothing: only the checkpoint says what was shipped.
      receiver.kept.clear()
      scene.write('a.log', 'third')
      await scene.start()
      await scene.settled()
      await scene.stop()
      assert.match(fs.readFileSync(file, 'latin1'), /^logdrive-checkpoints 2 /)
    },
  },
  {
    number: '55',
    title: '100,000 dead files cost no start, and are forgotten after their time',
    agent: { limits: { checkpointRetentionMs: 60_000, collectMs: 50 } },
    async run(scene) {
      for (let number = 0; number < 50; number += 1) scene.write(`live-${number}.log`, `line of ${number}`)
      await scene.start()
      await scene.caughtUp()
      await scene.stop()
      const file = path.join(scene.agent.stateFolder, 'checkpoints')
      fillWithDead(scene, 100_000, 1)
      const before = fs.statSync(file).size
      scene.write('live-0.log', 'and one more')
      await scene.start()
      await scene.settled()
      assert(await isWithin(20_000, () => fs.statSync(file).size < before / 10))
    },
  },
  {
    number: '55',
    title: 'files that were away for a while go on where they were',
    async run(scene) {
      await scene.begin('a.log', 'first')
      const away = `${scene.logs}.away`
      fs.renameSync(scene.logs, away)
      await scene.looked(5)
      await scene.stop()
      await scene.start()
      await scene.looked(3)
      fs.renameSync(away, scene.logs)
      scene.write('a.log', 'second')
      await scene.settled()
    },
  },
]
