// AgeClock: a jump ahead is held back until it has held; small ones and steps back count at once.
import { expect, test } from 'vitest'
import { AgeClock } from '../../../collector/broker/age-clock.ts'

const hour = 60 * 60 * 1000

test('follows the wall clock, small steps and steps back included', () => {
  const { ages, clock, jumps } = start()
  for (const step of [1000, hour - 1000, -5 * hour, 10, 0]) {
    clock.pass(1000, step)
    expect(ages.now()).toBe(clock.wall)
  }
  expect(jumps).toEqual([])
})

test('a year ahead for a minute makes nothing old, and is told of once', () => {
  const { ages, clock, jumps } = start()
  const year = 365 * 24 * hour
  clock.pass(1000, year)
  const held = ages.now()
  expect(held).toBe(clock.wall - year)
  for (let minute = 0; minute < 5; minute += 1) clock.pass(60_000, 0)
  expect(ages.now()).toBe(held + 5 * 60_000)
  clock.pass(1000, -year)
  expect(ages.now()).toBe(clock.wall)
  expect(jumps).toEqual([year])
})

test('a jump that holds for an hour counts from then on', () => {
  const { ages, clock, jumps } = start()
  clock.pass(1000, 40 * hour)
  expect(ages.now()).toBe(clock.wall - 40 * hour)
  for (let passed = 0; passed < hour - 1000; passed += 10_000) {
    clock.pass(10_000, 0)
    ages.now()
  }
  clock.pass(2000, 0)
  expect(ages.now()).toBe(clock.wall)
  clock.pass(1000, 0)
  expect(ages.now()).toBe(clock.wall)
  expect(jumps).toHaveLength(1)
})

function start() {
  const clock = {
    wall: 1_763_690_000_000,
    passed: 0,
    now: () => clock.wall,
    monotonic: () => clock.passed,
    sleep: () => Promise.resolve(),
    /** Time passes, and somebody sets the wall clock ahead (or back) besides. */
    pass: (ms: number, step: number) => {
      clock.passed += ms
      clock.wall += ms + step
    },
  }
  const jumps: number[] = []
  return { clock, jumps, ages: new AgeClock(clock, (jumpMs) => jumps.push(jumpMs)) }
}
