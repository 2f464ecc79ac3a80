// Reads an agent's configuration in a child process: the agent itself never carries the YAML parser and the schema.

import { spawn } from 'node:child_process'
import { LogdriveError } from '../core/errors.ts'
import type { ConfigAnswer } from './config-answer.ts'

const answerBytesMax = 16 * 1024 * 1024

/** What a configuration was found to be. */
export type ReadConfig = Exclude<ConfigAnswer, { error: unknown }>

/**
 * The configuration in `file`. `words` make this program's executable run `answerConfig` on the word behind them. Rejects
 * with CONFIG_INVALID as reading it here would.
 */
export async function readConfigInChild(words: readonly string[], file: string): Promise<ReadConfig> {
  const child = spawn(process.execPath, [...words, file], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const [stdout, stderr, status] = await Promise.all([textOf(child.stdout), textOf(child.stderr), ended])
  if (status !== 0) throw new Error(`the configuration could not be read: ${stderr}`)
  const answer: ConfigAnswer = JSON.parse(stdout)
  if (!('error' in answer)) return answer
  const { message, hint } = answer.error
  throw new LogdriveError('CONFIG_INVALID', message, hint === null ? {} : { hint })
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of stream) {
    bytes += chunk.byteLength
    if (bytes > answerBytesMax) throw new Error('the configuration is too long once it is read')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
