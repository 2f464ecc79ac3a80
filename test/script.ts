// A script of tests and benches that people run by hand: reads its options; `--help` shows its first comment and them.
import { readFileSync } from 'node:fs'
import { type ParseArgsConfig, type ParseArgsOptionsConfig, parseArgs } from 'node:util'

/**
 * What node:util's parseArgs gives for the command line of the script in `file` (its `import.meta.filename`). `--help` ends
 * the process with 0, an option that it does not have with 2. `also` is what the help says beside the comment.
 */
export function parseScript<Config extends ParseArgsConfig>(
  file: string,
  config: Config,
  also = '',
): ReturnType<typeof parseArgs<Config>> {
  const help = scriptHelp(readFileSync(file, 'utf8'), config.options ?? {}, also)
  if (process.argv.slice(2).includes('--help')) {
    console.log(help)
    process.exit(0)
  }
  try {
    return parseArgs(config)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${help}`)
    process.exit(2)
  }
}

/** The comment a source begins with, and a line for each option with its default. */
function scriptHelp(source: string, options: ParseArgsOptionsConfig, also: string): string {
  const lines = source.split('\n')
  const end = lines.findIndex((line) => !line.startsWith('//'))
  const comment = lines.slice(0, end < 0 ? lines.length : end).map((line) => line.replace(/^\/\/ ?/, ''))
  const names = Object.entries(options).map(([name, option]) => {
    const value = option.type === 'boolean' ? '' : option.multiple === true ? ' VALUE ...' : ' VALUE'
    const preset = typeof option.default === 'string' ? `  (${option.default})` : ''
    return `  --${name}${value}${preset}`
  })
  return [
    ...comment,
    ...(also === '' ? [] : ['', also]),
    '',
    'options (and what they are without):',
    ...names,
    '  --help',
  ].join('\n')
}
