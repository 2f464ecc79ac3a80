// The model of the agent finds a bug that was planted: in identity, truncation, and the order of checkpoints and answers.
// Needs: nothing but the sources.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { node } from './processes.ts'

const root = join(import.meta.dirname, '../..')

test.each(['identity', 'truncation', 'checkpoint order', 'acknowledgement order'])(
  'the model finds the planted bug: %s',
  async (bug) => {
    const { stdout } = await promisify(execFile)(node, ['test/agent/model-bugs.ts', bug], { cwd: root })
    expect(JSON.parse(stdout)).toMatchObject({ bug, found: true })
  },
)
