// The demo's access log: every line is nginx's combined format, repeatable, and the file rotates.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededDice } from '../../bench/data.ts'
import { generateLine, writeDemoLog } from '../../cli/demo-log.ts'
import type { Runtime } from '../../core/runtime.ts'
import { World } from '../sim/world.ts'

const combined =
  /^([0-9a-f.:]+) - (-|ada) \[(\d{2}\/[A-Z][a-z]{2}\/\d{4}:\d{2}:\d{2}:\d{2}) \+0000\] "([^"\n]*)" ([1-5]\d\d) (\d+) "([^"\n]+)" "([^"\n]+)"$/

describe('generateLine', () => {
  it('writes the combined format with the given time, whatever the dice say', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 4e12 }), (seed, timeMs) => {
        const match = combined.exec(generateLine(seededDice(seed), timeMs))
        expect(match).not.toBeNull()
        const text = (match as RegExpExecArray)[3]?.replace(/:/, ' ')
        expect(Date.parse(`${text} UTC`)).toBe(Math.floor(timeMs / 1000) * 1000)
      }),
    )
  })

  it('gives the same lines for the same seed and others for another', () => {
    const lines = (seed: number) => {
      const dice = seededDice(seed)
      return Array.from({ length: 200 }, (_, i) => generateLine(dice, i * 1000))
    }
    expect(lines(7)).toEqual(lines(7))
    expect(lines(7)).not.toEqual(lines(8))
  })

  it('looks like a shop: a few paths dominate, most answers are good, some lines are odd', () => {
    const dice = seededDice(1)
    const lines = Array.from({ length: 50_000 }, () => generateLine(dice, 0))
    const share = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length / lines.length
    expect(share(/" 200 /)).toBeGreaterThan(0.7)
    expect(share(/" 404 /)).toBeGreaterThan(0.005)
    expect(share(/" 50\d /)).toBeGreaterThan(0.001)
    expect(share(/GET \/demo\/ /)).toBeGreaterThan(share(/GET \/demo\/products /) * 1.5)
    expect(share(/q=Müller/)).toBeGreaterThan(0)
    expect(share(/\\x16\\x03/)).toBeGreaterThan(0)
    expect(share(/^\S+ - - \[[^\]]*\] "" 400/)).toBeGreaterThan(0)
    expect(lines.some((line) => line.length > 3_000)).toBe(true)
    const addresses = new Set(lines.map((line) => line.split(' ')[0]))
    expect(addresses.size).toBeGreaterThan(1_000)
  })
})

describe('writeDemoLog', () => {
  const readText = async (runtime: Runtime, path: string): Promise<string> => {
    await using file = await runtime.storage.open(path, 'read')
    const bytes = new Uint8Array(file.size)
    await file.read(0, bytes)
    return new TextDecoder().decode(bytes)
  }

  const run = (seconds: number, rotateLines: number) => {
    const world = new World({ seed: 3 })
    const { runtime } = world.process('demo')
    const work = async () => {
      const stop = new AbortController()
      const options = { path: '/demo/logs/access.log', linesPerSecond: 50, rotateLines }
      const writing = writeDemoLog(options, runtime, stop.signal)
      await runtime.clock.sleep(seconds * 1000, stop.signal)
      stop.abort()
      await writing
      const names = await runtime.storage.list('/demo/logs')
      return Promise.all(
        names.map(async (name) => [name, await readText(runtime, `/demo/logs/${name}`)] as const),
      )
    }
    return world.complete(work())
  }

  it('appends whole lines at the asked rate', async () => {
    const files = await run(10, 10_000)
    expect(files.map(([name]) => name)).toEqual(['access.log'])
    const lines = new Map(files).get('access.log')?.split('\n') ?? []
    expect(lines.pop()).toBe('')
    expect(lines.length).toBeGreaterThan(480)
    expect(lines.length).toBeLessThanOrEqual(500)
    for (const line of lines) expect(line).toMatch(combined)
  })

  it('renames the full file to .1 and begins a new one', async () => {
    const files = new Map(await run(10, 200))
    expect([...files.keys()]).toEqual(['access.log', 'access.log.1'])
    expect(files.get('access.log.1')?.split('\n')).toHaveLength(201)
    const left = (files.get('access.log') as string).split('\n').length - 1
    expect(left).toBeGreaterThan(70)
    expect(left).toBeLessThanOrEqual(100)
  })
})
