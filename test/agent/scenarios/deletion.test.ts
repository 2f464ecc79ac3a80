// Scenario 65: files that are removed once they are shipped. Needs a real file system.
import fs from 'node:fs'
import path from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { runs } from '../../runs.ts'
import { answerJson } from '../receiver.ts'
import { type AgentSetup, expectAll, jumping, openScene } from './agent-reader.ts'
import type { Scene } from './harness.ts'

const hourMs = 3_600_000

/** An agent that removes what has rested for an hour of its clock, which `later` lets pass. */
function removing(over: AgentSetup = {}): { readonly setup: AgentSetup; later(ms?: number): void } {
  let jumpMs = 0
  const setup: AgentSetup = {
    input: { paths: ['*'], deleteAfterMs: hourMs, ...over.input },
    limits: { graceMs: 100, partialMs: 100, ...over.limits },
    world: (runtime) => ({ ...runtime, clock: jumping(runtime.clock, () => jumpMs) }),
  }
  return {
    setup,
    later: (ms = hourMs) => {
      jumpMs += ms
    },
  }
}

async function gone(scene: Scene, ...names: readonly string[]): Promise<void> {
  await expect
    .poll(() => names.filter((name) => fs.existsSync(scene.path(name))), { timeout: 20_000, interval: 5 })
    .toEqual([])
}

test('65: files are removed after they are acknowledged, plain and compressed, with a last line that has no end', async () => {
  const { setup, later } = removing()
  await using scene = await openScene(setup)
  const { receiver } = scene.agent
  receiver.intercept = () => answerJson(503, { error: { code: 'OVERLOADED' } })
  scene.write('plain.log', 'one', 'two')
  scene.append('unfinished.log', 'three\nfour')
  scene.append('packed.gz', gzipSync('five\nsix\n'))
  scene.append('packed.zst', zstdCompressSync('seven\n'))
  scene.append('empty.log', '')
  scene.expect('three', 'four', 'five', 'six', 'seven')
  const names = fs.readdirSync(scene.logs)
  await scene.start()
  await scene.looked(3)
  later()
  await gone(scene, 'empty.log')
  await scene.looked(3)
  // Old enough, and nobody has taken them.
  expect(fs.readdirSync(scene.logs)).toEqual(names.filter((name) => name !== 'empty.log'))
  receiver.intercept = null
  await scene.caughtUp()
  await scene.looked(3)
  expect(fs.readdirSync(scene.logs)).toHaveLength(names.length - 1)
  later()
  await gone(scene, ...names)
  await expectAll(scene)
  await expect.poll(() => scene.agent.status().files).toEqual([])
  await expect
    .poll(() => scene.agent.status())
    .toMatchObject({ losses: {}, deletions: { files: 5, failures: {} } })
})

test('65: what still grows stays; what grows after its removal is read through the handle', async () => {
  const { setup, later } = removing({ limits: { graceMs: 5000 } })
  await using scene = await openScene(setup)
  scene.write('a.log', 'line 0')
  await scene.start()
  const writer = scene.writer('a.log')
  for (let count = 1; count < 5; count += 1) {
    await scene.caughtUp()
    later(hourMs / 2)
    await scene.looked(3)
    writer.write(`line ${count}`)
    expect(fs.existsSync(scene.path())).toBe(true)
  }
  await scene.caughtUp()
  // Its hour begins with the acknowledgement, which is behind the arrival.
  await expect.poll(() => scene.agent.status().lagBytes).toBe(0)
  later()
  await gone(scene, 'a.log')
  writer.write('late 1')
  await scene.caughtUp()
  writer.write('late 2')
  await expectAll(scene)
  writer.close()
  expect(scene.agent.status().losses).toEqual({})
})

test('65: links and files with two names stay, and so does what they lead to', async () => {
  await using scene = await openScene(removing({ input: { paths: ['**/*.log'], deleteAfterMs: 1 } }).setup)
  const outside = path.join(scene.folder, 'outside')
  fs.mkdirSync(outside)
  for (const name of ['target.log', 'linked/inside.log', 'twice.log']) {
    fs.mkdirSync(path.dirname(path.join(outside, name)), { recursive: true })
    fs.writeFileSync(path.join(outside, name), `${name}\n`)
    scene.expect(name)
  }
  fs.symlinkSync(path.join(outside, 'target.log'), scene.path('link.log'))
  fs.symlinkSync(path.join(outside, 'linked'), scene.path('folder'))
  fs.linkSync(path.join(outside, 'twice.log'), scene.path('twice.log'))
  scene.write('plain.log', 'plain')
  await scene.start()
  await gone(scene, 'plain.log')
  await expect.poll(() => scene.agent.status().deletions.failures).toEqual({ symbolic_link: 2, hard_link: 1 })
  await expectAll(scene)
  expect(fs.readdirSync(scene.logs)).toEqual(['folder', 'link.log', 'twice.log'])
  expect(fs.readdirSync(outside, { recursive: true })).toHaveLength(4)
})

test('65: a stream that is cut short or damaged stays', async () => {
  await using scene = await openScene(removing({ input: { deleteAfterMs: 1 } }).setup)
  const lines = Array.from({ length: 500 }, (_, number) => `line ${number}`)
  const packed = zstdCompressSync(lines.map((line) => `${line}\n`).join(''))
  scene.append('cut.zst', packed.subarray(0, packed.length - 3))
  const damaged = gzipSync('x\n'.repeat(10_000))
  damaged.fill(0xff, 30)
  scene.append('damaged.gz', damaged)
  await scene.start()
  await scene.looked(20)
  expect(fs.readdirSync(scene.logs)).toEqual(['cut.zst', 'damaged.gz'])
  scene.append('cut.zst', packed.subarray(packed.length - 3))
  scene.expect(...lines)
  await scene.caughtUp()
  await gone(scene, 'cut.zst')
  await expect.poll(() => scene.agent.status().deletions).toMatchObject({ files: 1, failures: {} })
})

test('65: replaced by another file under the same name: only what was shipped goes', async () => {
  await using scene = await openScene(removing({ input: { deleteAfterMs: 300 } }).setup)
  await scene.begin('a.log', 'old')
  scene.rename('a.log', 'a.log.1')
  scene.write('a.log', 'new')
  await gone(scene, 'a.log.1', 'a.log')
  await expectAll(scene)
  await expect.poll(() => scene.agent.status()).toMatchObject({ deletions: { files: 2 }, losses: {} })
})

test('65: killed before each operation of its disk, files and network, nothing goes unread', async () => {
  const stride = runs(4, 17)
  let operation = 1
  for (let died = true; died; operation += stride) {
    const limits = { checkpointMs: 1, scanMs: 2, hintMs: 1, partialMs: 1 }
    await using scene = await openScene(removing({ input: { deleteAfterMs: 20 }, limits }).setup)
    scene.write('a.log', '1', '2')
    scene.append('b.gz', gzipSync('3\n4\n'))
    scene.expect('3', '4')
    await scene.agent.start(operation)
    await expect
      .poll(() => scene.agent.isDead || fs.readdirSync(scene.logs).length === 0, {
        timeout: 20_000,
        interval: 2,
      })
      .toBe(true)
    died = scene.agent.isDead
    await scene.kill()
    await scene.start()
    await gone(scene, 'a.log', 'b.gz')
    await expectAll(scene)
    expect(scene.agent.status().losses).toEqual({})
  }
  expect(operation).toBeGreaterThan(50)
}, 120_000)
