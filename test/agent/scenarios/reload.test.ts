// Scenario 63: other inputs while the agent runs: paths come, go and come back, and every position is kept.
import { expect, test } from 'vitest'
import { type AgentReader, expectAll, openScene } from './agent-reader.ts'
import type { Scene } from './harness.ts'

const app = { paths: ['app/*.txt'], topic: 'app' }

test('63: a path that is added, removed and added again is read on where it was left', async () => {
  await using scene = await openScene()
  scene.write('a.log', 'a1')
  scene.write('app/x.txt', 'x1')
  await scene.start()
  expect(await scene.agent.reload({ logs: {}, app })).toBe(true)
  await scene.caughtUp()
  expect(await scene.agent.reload({ logs: {} })).toBe(true)
  await left(scene, 'app')
  scene.write('app/x.txt', 'x2')
  scene.write('a.log', 'a2')
  await scene.looked(3)
  await expect.poll(() => scene.texts).toContain('a2')
  expect(scene.texts).not.toContain('x2')
  await scene.agent.reload({ logs: {}, app })
  await expectAll(scene)
})

test('63: what was rotated while no input meant it is read to its end', async () => {
  await using scene = await openScene()
  scene.write('a.log', 'a1')
  scene.write('app/x.txt', 'x1')
  await scene.start()
  await scene.agent.reload({ logs: {}, app })
  await scene.caughtUp()
  await scene.agent.reload({ logs: {} })
  await left(scene, 'app')
  scene.write('app/x.txt', 'x2')
  scene.rotate('app/x.txt')
  scene.write('app/x.txt', 'x3')
  await scene.looked(2)
  await scene.agent.reload({ logs: {}, app })
  await expectAll(scene)
})

test('63: an input that is unchanged goes on without a break', async () => {
  await using scene = await openScene()
  await scene.begin('a.log', 'a1', 'a2')
  for (const more of [{ app }, {}, { app }]) {
    await scene.agent.reload({ logs: {}, ...more })
    scene.write('a.log', 'more')
    await scene.looked()
  }
  await expectAll(scene)
  // A follower that was begun anew would count from nothing.
  expect(fileOf(scene, 'a.log')?.shippedLines).toBe(5)
})

test('63: an input that changed is begun anew where it stood; one that another claims moves there', async () => {
  await using scene = await openScene()
  scene.write('a.log', 'a1')
  await scene.begin('b.log', 'b1')
  await scene.agent.reload({ logs: { topic: 'other' } })
  scene.write('a.log', 'a2')
  await scene.caughtUp()
  expect(topicOf(scene, 'a2')).toBe('other')
  await scene.agent.reload({ first: { paths: ['b.log'], topic: 'mine' }, logs: { topic: 'other' } })
  await expect.poll(() => fileOf(scene, 'b.log')?.input).toBe('first')
  scene.write('b.log', 'b2')
  await expectAll(scene)
  expect(topicOf(scene, 'b2')).toBe('mine')
  expect(fileOf(scene, 'a.log')?.input).toBe('logs')
})

test('63: reloads that follow each other closely, under load, neither lose nor double a line', async () => {
  await using scene = await openScene()
  scene.write('app/x.txt', 'seen')
  await scene.start()
  await scene.agent.reload({ logs: {}, app })
  await scene.caughtUp()
  for (let round = 0; round < 30; round += 1) {
    const lines = Array.from({ length: 200 }, (_, line) => `${round}:${line}`)
    scene.write('a.log', ...lines.map((line) => `a${line}`))
    scene.write('app/x.txt', ...lines.map((line) => `x${line}`))
    if (round % 7 === 3) scene.rotate('app/x.txt')
    await scene.agent.reload(
      round % 3 === 0 ? { logs: {} } : { logs: { lineBytesMax: 1000 + (round % 2) }, app },
    )
    if (round % 5 === 0) await scene.looked()
  }
  await scene.agent.reload({ logs: {}, app })
  await expectAll(scene)
})

test('63: a longer longest line needs a new start, and nothing changes', async () => {
  await using scene = await openScene()
  scene.write('a.log', 'a1')
  await scene.start()
  expect(await scene.agent.reload({ logs: { lineBytesMax: 64 * 1024 * 1024 } })).toBe(false)
  await expectAll(scene)
})

/** The agent has let go of all files of an input. */
async function left(scene: Scene, input: string): Promise<void> {
  await expect.poll(() => scene.agent.status().files.some((file) => file.input === input)).toBe(false)
}

function fileOf(scene: Scene, name: string) {
  return scene.agent.status().files.find((file) => file.path === scene.path(name))
}

function topicOf(scene: { readonly agent: AgentReader }, line: string): string | undefined {
  return scene.agent.receiver.lines.find((received) => received.line === line)?.topic
}
