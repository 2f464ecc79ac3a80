// Scanning in the simulated world: hints, lost hints, and directories without any.
import { expect, test } from 'vitest'
import { stage } from '../simulated.ts'

test('62: writes whose hints are all lost, as when the kernel queue runs over, arrive by the scan', async () => {
  const { world, files, receiver, startAgent, arrived } = stage(1)
  for (let n = 0; n < 20; n += 1) files.append(`/logs/${n}.log`, 'first\n')
  startAgent()
  await arrived(20)
  files.hintsLost = 1
  for (let n = 0; n < 20; n += 1) files.append(`/logs/${n}.log`, 'second\n')
  files.append('/logs/new.log', 'new\n')
  await arrived(41, 60_000)
  await world.runFor(5_000)
  expect(receiver.lines.length).toBe(41)
})

test('a hinted write does not wait for the scan', async () => {
  const { world, files, receiver, startAgent, arrived } = stage(2, { scanMs: 60_000, hintMs: 10 })
  files.append('/logs/a.log', 'first\n')
  startAgent()
  await arrived(1)
  await world.runFor(5_000)
  files.append('/logs/a.log', 'second\n')
  await arrived(2, 1_000)
  files.rename('/logs/a.log', '/logs/a.log.1')
  files.append('/logs/a.log', 'third\n')
  await arrived(3, 1_000)
  expect(receiver.texts).toEqual(['first', 'second', 'third'])
})

test('what is written to a rotated file late arrives without any hint of it', async () => {
  const { world, files, startAgent, arrived } = stage(3, { hintMs: 10 })
  files.append('/logs/a.log', 'first\n')
  startAgent()
  await arrived(1)
  files.rename('/logs/a.log', '/logs/a.log.1')
  await world.runFor(4_000)
  files.hintsLost = 1
  files.append('/logs/a.log.1', 'late\n')
  await arrived(2, 5_000)
})
