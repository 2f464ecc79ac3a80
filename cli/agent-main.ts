// The command line of the agent alone: what the single executable `logdrive-agent` runs. Nothing of a collector is in it.

import { isSea } from 'node:sea'
import type { Entry } from './commands.ts'
import { runProgram } from './program.ts'

/** The hidden first word that makes this program read a configuration for the agent that started it. */
const configWord = 'read-config'
const configFile = '/etc/logdrive/agent.yaml'

const commands: readonly Entry[] = [
  {
    name: 'agent',
    summary: 'Tails the files of a configuration and ships their lines to a collector',
    load: async () => (await import('./agent.ts')).agentCommand(configChild(), configFile),
  },
  {
    name: 'validate',
    summary: 'Lists every problem of a configuration with its place',
    load: async () => (await import('./validate.ts')).validateCommand('unchecked', configFile),
  },
  {
    name: 'test',
    summary: 'Runs the tests of a configuration: sample lines and the records that should come of them',
    load: async () => (await import('./test.ts')).testCommand('unchecked', configFile),
  },
  {
    name: 'init',
    summary: 'Writes a commented configuration to start from',
    load: async () => (await import('./init.ts')).initCommand('unchecked'),
  },
]

void main(process.argv.slice(2))

async function main(words: readonly string[]): Promise<void> {
  const [first, file = ''] = words
  if (first === configWord) return (await import('./config-answer.ts')).answerConfig(file)
  const about = 'The agent of Logdrive: tails files and ships their lines to a collector, each exactly once.'
  const program = { name: 'logdrive-agent', about, commands, otherwise: 'agent' }
  // `status` is a word of the agent's: it is the only one that it has.
  await runProgram(program, first === undefined || first === 'status' ? ['agent', ...words] : words)
}

/**
 * A single executable is the program itself; Node needs to be told which. The reader's option is the one that its code was
 * cached with (packaging/build-agent.ts): it makes too little to collect garbage.
 */
function configChild(): readonly string[] {
  const [, script = ''] = process.argv
  const options = '--node-options=--max-semi-space-size=16 --min-semi-space-size=16'
  return isSea() ? [options, configWord] : [script, configWord]
}
