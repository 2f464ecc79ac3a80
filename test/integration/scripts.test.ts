// The scripts that people run by hand: needs nothing; starts a process for each case.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { node } from './processes.ts'

const root = join(import.meta.dirname, '../..')

describe.each(['test/agent/outage.ts', 'test/sim/main.ts', 'bench/main.ts'])('%s', (script) => {
  const sentence = /^\/\/ (.*)/.exec(readFileSync(join(root, script), 'utf8'))?.[1]
  const run = (option: string) => spawnSync(node, [join(root, script), option], { encoding: 'utf8' })

  test('says by --help what it is and which options it has', () => {
    const { status, stdout } = run('--help')
    expect(status).toBe(0)
    expect(stdout).toContain(sentence)
    expect(stdout).toMatch(/^ {2}--[a-z-]+ VALUE {2}\(/m)
  })

  test('names an option that it does not have, in a sentence', () => {
    const { status, stderr } = run('--nope')
    expect(status).toBe(2)
    expect(stderr).toMatch(/^Unknown option '--nope'/)
    expect(stderr).toContain(sentence)
    expect(stderr).not.toContain('node:internal')
  })
})
