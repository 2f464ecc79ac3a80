// Diagnostics on the real door: JSON lines, errors with their stack, levels.
import { expect, test } from 'vitest'
import { createLogger, type LogLevel } from '../../runtime/logger.ts'

function capture(level: LogLevel) {
  const lines: Record<string, unknown>[] = []
  const logger = createLogger(level, { write: (line) => lines.push(JSON.parse(line)) })
  return { lines, logger }
}

test('a line is one JSON object with fields, context and message', () => {
  const { lines, logger } = capture('info')
  logger.child({ part: 'agent' }).warn({ topic: 'a', err: new Error('no') }, 'it failed')
  expect(lines).toMatchObject([
    { level: 40, part: 'agent', topic: 'a', err: { message: 'no' }, msg: 'it failed' },
  ])
})

test('lines below the level are not written', () => {
  const { lines, logger } = capture('warn')
  logger.debug({}, 'a')
  logger.info({}, 'b')
  logger.error({}, 'c')
  expect(lines.map((line) => line.msg)).toEqual(['c'])
})
