// One of Kafka's own command-line tools in Java, running; many of them tell JSON lines.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { kafkaClassPath, kafkaVersions } from './java.ts'

export class JavaTool implements AsyncDisposable {
  readonly lines: string[] = []
  readonly #child: ChildProcessWithoutNullStreams
  readonly #gone: Promise<void>
  #errors = ''

  /** Starts a main class of Kafka with its arguments. */
  static async start(
    mainClass: string,
    args: readonly string[],
    version: string = kafkaVersions.server,
  ): Promise<JavaTool> {
    return new JavaTool(mainClass, args, await kafkaClassPath(version))
  }

  private constructor(mainClass: string, args: readonly string[], classPath: string) {
    const java = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', classPath]
    const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'
    this.#child = spawn('java', [...java, quiet, mainClass, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.stdin.on('error', () => {})
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.lines.push(line))
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString('utf8')).slice(-20_000)
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
