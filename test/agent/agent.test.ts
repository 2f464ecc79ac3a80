// The agent in the simulated world: files grow, rotate, are cut and go; every line arrives exactly once.
import { expect, test } from 'vitest'
import { stage, startCollector } from './simulated.ts'

test('lines of two files arrive once each, in order, without their line ends', async () => {
  const { files, startAgent, arrived, receiver, world } = stage(1)
  files.append('/logs/a.log', 'a1\na2\r\n\na4\n')
  files.append('/logs/b.log', 'b1\n')
  startAgent()
  await arrived(5)
  files.append('/logs/b.log', 'b2\n')
  await arrived(6)
  await world.runFor(10_000)
  expect(receiver.lines.filter(({ path }) => path === '/logs/a.log').map(({ line }) => line)).toEqual([
    'a1',
    'a2',
    '',
    'a4',
  ])
  expect(receiver.lines.filter(({ path }) => path === '/logs/b.log').map(({ line }) => line)).toEqual([
    'b1',
    'b2',
  ])
  expect(receiver.outcomes).toMatchObject({ conflict: 0, duplicate: 0 })
})

test('a line written in pieces arrives whole', async () => {
  const { files, startAgent, arrived, receiver, world } = stage(2)
  files.append('/logs/a.log', 'abc')
  startAgent()
  await world.runFor(2000)
  expect(receiver.texts).toEqual([])
  files.append('/logs/a.log', 'def\n')
  await arrived(1)
  expect(receiver.texts).toEqual(['abcdef'])
})

test('an unfinished line is sent after a while, and what follows is neither glued nor doubled', async () => {
  const { files, startAgent, arrived, receiver } = stage(3)
  files.append('/logs/a.log', 'ABC')
  startAgent()
  await arrived(1)
  files.append('/logs/a.log', 'DEF\nnext\n')
  await arrived(3)
  expect(receiver.texts).toEqual(['ABC', 'DEF', 'next'])
})

test('the line end that comes after its text was sent makes no empty line', async () => {
  for (const end of ['\n', '\r\n']) {
    const { files, startAgent, arrived, receiver, world } = stage(4)
    files.append('/logs/a.log', 'ABC')
    startAgent()
    await arrived(1)
    files.append('/logs/a.log', `${end}next\n`)
    await arrived(2)
    await world.runFor(10_000)
    expect(receiver.texts).toEqual(['ABC', 'next'])
  }
})

test('a renamed file is read to its end, late writes too, and the new one from its start', async () => {
  const { files, startAgent, arrived, receiver, world } = stage(5)
  files.append('/logs/a.log', '1\n')
  startAgent()
  await arrived(1)
  files.append('/logs/a.log', '2\n')
  files.rename('/logs/a.log', '/logs/a.log.1')
  files.append('/logs/a.log', '3\n')
  await arrived(3)
  await world.runFor(5000)
  files.append('/logs/a.log.1', 'late\n')
  await arrived(4)
  expect(receiver.texts.sort()).toEqual(['1', '2', '3', 'late'])
  await world.runFor(60_000)
  expect(receiver.lines.length).toBe(4)
})

test('an unfinished last line of a rotated file is sent, not glued to the new file', async () => {
  const { files, startAgent, arrived, receiver } = stage(6, { partialMs: 600_000 })
  files.append('/logs/a.log', '1\nno end')
  startAgent()
  await arrived(1)
  files.rename('/logs/a.log', '/logs/a.log.1')
  files.append('/logs/a.log', '2\n')
  await arrived(3)
  expect(receiver.texts).toEqual(['1', '2', 'no end'])
})

test('three rotations between two scans lose nothing', async () => {
  const { files, startAgent, arrived, receiver, world } = stage(7, { hintMs: 1000 })
  files.append('/logs/a.log', 'zero\n')
  startAgent()
  await arrived(1)
  await world.runFor(3000)
  for (const n of [1, 2, 3]) {
    for (let old = n - 1; old >= 1; old -= 1) files.rename(`/logs/a.log.${old}`, `/logs/a.log.${old + 1}`)
    files.rename('/logs/a.log', '/logs/a.log.1')
    await world.runFor(1)
    files.append('/logs/a.log', `${n}\n`)
  }
  await arrived(4)
  await world.runFor(60_000)
  expect(receiver.texts.sort()).toEqual(['1', '2', '3', 'zero'])
})

test('rotations while no agent runs lose nothing, though no glob names the rotated files', async () => {
  const { files, agent, startAgent, arrived, receiver, world } = stage(8)
  files.append('/logs/a.log', '1\n')
  startAgent()
  await arrived(1)
  await world.runFor(1000)
  agent.crash({ power: false })
  files.append('/logs/a.log', '2\n')
  files.rename('/logs/a.log', '/logs/a.log.1')
  await world.runFor(1)
  files.append('/logs/a.log', '3\n')
  files.rename('/logs/a.log.1', '/logs/a.log.2')
  files.rename('/logs/a.log', '/logs/a.log.1')
  await world.runFor(1)
  files.append('/logs/a.log', '4\n')
  agent.restart()
  await arrived(4)
  await world.runFor(60_000)
  expect(receiver.texts.sort()).toEqual(['1', '2', '3', '4'])
})

test('copytruncate starts a new epoch, also when the file grew beyond its old size at once', async () => {
  const { files, startAgent, arrived, receiver, world } = stage(9)
  files.append('/logs/a.log', 'old 1\nold 2\n')
  startAgent()
  await arrived(2)
  await world.runFor(3000)
  files.copyTruncate('/logs/a.log', '/logs/a.copy')
  files.append('/logs/a.log', 'new 1 with more bytes\nnew 2 with more bytes\n')
  await arrived(4)
  files.truncate('/logs/a.log')
  await world.runFor(3000)
  files.append('/logs/a.log', 'third\n')
  await arrived(5)
  await world.runFor(20_000)
  expect(receiver.texts).toEqual([
    'old 1',
    'old 2',
    'new 1 with more bytes',
    'new 2 with more bytes',
    'third',
  ])
  expect([...receiver.kept.values()]).toMatchObject([{ epoch: 2, to: 6 }])
})

test('the hole that a writer leaves after a truncation is no line', async () => {
  const { files, startAgent, arrived, receiver, world } = stage(10)
  files.append('/logs/a.log', 'old\n')
  startAgent()
  await arrived(1)
  files.truncate('/logs/a.log')
  files.append('/logs/a.log', new Uint8Array(2_000_000))
  files.append('/logs/a.log', 'new\n')
  await arrived(2)
  await world.runFor(20_000)
  expect(receiver.texts).toEqual(['old', 'new'])
})

test('truncation while no agent runs is noticed at the next start', async () => {
  for (const content of ['new\n', 'new and longer than what was there before\n']) {
    const { files, agent, startAgent, arrived, receiver, world } = stage(11)
    files.append('/logs/a.log', 'first line\n')
    startAgent()
    await arrived(1)
    await world.runFor(1000)
    agent.crash({ power: false })
    files.truncate('/logs/a.log')
    files.append('/logs/a.log', content)
    agent.restart()
    await arrived(2)
    expect(receiver.texts).toEqual(['first line', content.trim()])
  }
})

test('an inode that is used again is a new file', async () => {
  for (const birthTimes of [true, false]) {
    const { files, startAgent, arrived, receiver, world } = stage(12, {}, { reuseInodes: true, birthTimes })
    files.append('/logs/a.log', 'one\n')
    startAgent()
    await arrived(1)
    await world.runFor(90_000)
    files.remove('/logs/a.log')
    await world.runFor(90_000)
    files.append('/logs/a.log', 'another file, longer than the old one\n')
    await arrived(2)
    await world.runFor(10_000)
    expect(receiver.texts).toEqual(['one', 'another file, longer than the old one'])
  }
})

test('a deleted file is read to its end through the open handle', async () => {
  const { files, startAgent, arrived, receiver, world, collector } = stage(13, { batchBytesMax: 64 })
  files.append('/logs/a.log', 'begin\n')
  startAgent()
  await arrived(1)
  collector.crash({ power: false })
  for (let n = 0; n < 100; n += 1) files.append('/logs/a.log', `line ${n}\n`)
  await world.runFor(2000)
  files.remove('/logs/a.log')
  await world.runFor(120_000)
  startCollector(collector, receiver)
  await arrived(101, 300_000)
  expect(receiver.texts.at(-1)).toBe('line 99')
})

test('a failed disk ends the agent with its own code, and with nothing around it', async () => {
  const { files, agent, startAgent, world } = stage(34)
  files.append('/logs/a.log', '1\n')
  agent.disk.intercept = ({ verb, path }) => (verb === 'sync' && path.includes('checkpoints') ? 'fail' : 'go')
  startAgent()
  await world.runUntil(() => agent.failure !== null, 60_000)
  expect(agent.failure?.error).toMatchObject({ code: 'DISK_FAILED' })
})

test('with few open files, rotated ones that are read give their handles to those with lag', async () => {
  const { files, startAgent, arrived, receiver, world, agent } = stage(35, {
    openFilesMax: 2,
    graceMs: 60_000,
  })
  files.append('/logs/a.log', '0\n')
  startAgent()
  await arrived(1)
  for (let n = 1; n <= 12; n += 1) {
    files.rename('/logs/a.log', `/logs/a.log.${n}`)
    files.append('/logs/a.log', `${n}\n`)
    await arrived(n + 1, 10_000)
  }
  // Late writers of files that gave their handle up are still heard.
  for (const n of [1, 7, 12]) files.append(`/logs/a.log.${n}`, `late ${n}\n`)
  await arrived(16, 30_000)
  await world.runFor(90_000)
  const texts = Array.from({ length: 13 }, (_, n) => String(n))
  expect(receiver.texts.slice(0, 13)).toEqual(texts)
  expect(receiver.texts.slice(13).sort()).toEqual(['late 1', 'late 12', 'late 7'])
  expect(agent.lines.filter(({ message }) => message.includes('read')).map(({ message }) => message)).toEqual(
    [],
  )
})
