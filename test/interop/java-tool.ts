// One of Kafka's own command-line tools in Java, running; many of them tell JSON lines.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { boundToUs } from './commands.ts'
import { kafkaClassPath, kafkaVersions } from './java.ts'

/** What a tool is started with beside its arguments. */
export interface JavaToolOptions {
  readonly version?: string
  /** The level of its log, and classes of which it tells more: these at level info. */
  readonly log?: { readonly level: 'warn' | 'error'; readonly info: readonly string[] }
  /** Takes what it writes to stdout as bytes; `lines` stays empty then. */
  readonly onOutput?: (chunk: Buffer) => void
  /** Takes each line of its stderr, where the log goes. */
  readonly onError?: (line: string) => void
}

export class JavaTool implements AsyncDisposable {
  readonly lines: string[] = []
  readonly #child: ChildProcessWithoutNullStreams
  readonly #gone: Promise<void>
  #errors = ''

  /** Starts a main class of Kafka with its arguments. */
  static async start(
    mainClass: string,
    args: readonly string[],
    options: JavaToolOptions = {},
  ): Promise<JavaTool> {
    const classPath = await kafkaClassPath(options.version ?? kafkaVersions.server)
    return new JavaTool([classPath, ...logSettings(options), mainClass, ...args], options)
  }

  private constructor(args: readonly string[], { onOutput, onError = () => {} }: JavaToolOptions) {
    const java = ['java', '-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp']
    this.#child = spawn(boundToUs.program, [...boundToUs.words, ...java, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child.stdin.on('error', () => {})
    if (onOutput !== undefined) this.#child.stdout.on('data', onOutput)
    else createInterface({ input: this.#child.stdout }).on('line', (line) => this.lines.push(line))
    createInterface({ input: this.#child.stderr }).on('line', (line) => {
      this.#errors = `${this.#errors}${line}\n`.slice(-20_000)
      onError(line)
    })
    this.#gone = new Promise((resolve) => this.#child.once('close', () => resolve()))
  }

  get stdin(): NodeJS.WritableStream {
    return this.#child.stdin
  }

  /** The last of what it wrote to stderr. */
  get errors(): string {
    return this.#errors
  }

  /** JSON lines with this `name`. */
  events(name: string): Readonly<Record<string, unknown>>[] {
    const parsed = this.lines.filter((line) => line.includes(`"${name}"`)).map((line) => JSON.parse(line))
    return parsed.filter((one: { name?: string }) => one.name === name)
  }

  /** Its exit code when it ends by itself; it is killed after the time, which is null. */
  async ended(withinMs: number): Promise<number | null> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), withinMs)
    await this.#gone
    clearTimeout(timer)
    return this.#child.exitCode
  }

  /** Asks it to end, and kills it when it does not. */
  async end(signal: NodeJS.Signals, withinMs: number): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(signal)
    return this.ended(withinMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL', 10_000)
  }
}

function logSettings({ log = { level: 'warn', info: [] } }: JavaToolOptions): string[] {
  const name = '-Dorg.slf4j.simpleLogger'
  return [`${name}.defaultLogLevel=${log.level}`, ...log.info.map((one) => `${name}.log.${one}=info`)]
}
