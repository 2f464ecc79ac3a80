// What every Clock keeps: real time and virtual time pass the same tests.
import { describe, expect, test } from 'vitest'
import type { Clock } from '../../core/runtime.ts'

/** A clock and the way to wait for something that it drives. */
export interface ClockUnderTest {
  readonly clock: Clock
  readonly complete: <T>(promise: Promise<T>) => Promise<T>
}

const never = new AbortController().signal

/** Registers the suite. */
export function clockConformance(name: string, make: () => ClockUnderTest): void {
  describe(`${name} as Clock`, () => {
    test('a sleep takes its time, on both scales', async () => {
      const { clock, complete } = make()
      const [wall, monotonic] = [clock.now(), clock.monotonic()]
      await complete(clock.sleep(30, never))
      expect(clock.monotonic() - monotonic).toBeGreaterThanOrEqual(29)
      expect(clock.now() - wall).toBeGreaterThanOrEqual(28)
    })

    test('shorter sleeps end first, whatever the order of asking', async () => {
      const { clock, complete } = make()
      const order: number[] = []
      const sleep = async (ms: number) => {
        await clock.sleep(ms, never)
        order.push(ms)
      }
      await complete(Promise.all([sleep(60), sleep(1), sleep(30)]))
      expect(order).toEqual([1, 30, 60])
    })

    test('an abort ends a sleep at once, without rejecting', async () => {
      const { clock, complete } = make()
      const stop = new AbortController()
      const started = clock.monotonic()
      const sleeping = clock.sleep(1_000_000_000_000, stop.signal)
      stop.abort()
      await complete(sleeping)
      expect(clock.monotonic() - started).toBeLessThan(1_000)
    })

    test('a sleep with an aborted signal does not begin', async () => {
      const { clock, complete } = make()
      await complete(clock.sleep(1_000_000, AbortSignal.abort()))
    })

    test('a sleep of nothing still lets others go first', async () => {
      const { clock, complete } = make()
      let resumed = false
      const sleeping = clock.sleep(0, never).then(() => {
        resumed = true
      })
      expect(resumed).toBe(false)
      await complete(sleeping)
      expect(resumed).toBe(true)
    })

    test('wall-clock time is whole ms since 1970', () => {
      const { clock } = make()
      expect(Number.isInteger(clock.now())).toBe(true)
      expect(clock.now()).toBeGreaterThan(Date.UTC(2025, 0, 1))
    })
  })
}
