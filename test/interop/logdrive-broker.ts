// Our broker under test: real processes started through the CLI, one for each door, each with a folder of its own.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Running } from '../integration/processes.ts'
import { accepts, freePort } from './apache-kafka.ts'
import { type Broker, type BrokerOptions, type Door, user, type WayIn } from './broker.ts'
import { type Certificates, makeCertificates } from './certificates.ts'
import { boundToUs } from './commands.ts'

/** A collector that can be killed and started again on the same port and folder. */
export interface LogdriveProcess extends AsyncDisposable {
  readonly brokers: string
  readonly folder: string
  readonly running: Running
  /** Resolves when the Kafka port accepts connections. */
  ready(): Promise<void>
}

/** Starts a collector; `kafka` is more YAML below `collector.kafka`, `collector` below `collector`. */
export async function startLogdrive(
  options: { readonly kafka?: string; readonly collector?: string; readonly more?: string } = {},
): Promise<LogdriveProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'logdrive-interop-'))
  const [port, httpPort] = [await freePort(), await freePort()]
  const file = join(folder, 'logdrive.yaml')
  mkdirSync(join(folder, 'data'))
  writeFileSync(
    file,
    `version: 1
data: ${join(folder, 'data')}
${options.more ?? ''}
collector:
  http:
    listen: 127.0.0.1:${httpPort}
${options.collector ?? ''}
  kafka:
    listen: 127.0.0.1:${port}
${options.kafka ?? ''}
`,
  )
  const running = new Running(['collector', '-c', file], {}, [boundToUs.program, ...boundToUs.words])
  const ready = async () => {
    const until = performance.now() + 120_000
    while (!(await accepts(port))) {
      if (running.exited || performance.now() > until) {
        throw new Error(`our broker did not start: ${running.output.slice(-2000)}`)
      }
      await delay(20)
    }
  }
  await ready()
  return {
    brokers: `127.0.0.1:${port}`,
    folder,
    running,
    ready,
    [Symbol.asyncDispose]: async () => {
      await running.kill()
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

/** Members of the newer protocol are not asked how long their sessions are. */
export const groupsYaml = '    groups: { session_timeout: 6s, heartbeat_interval: 500ms }\n'
const aclYaml = '    acls: []\n    allow_everyone_if_no_acl: true'

/** Our broker with all its doors. Topics made by their first use have 4 partitions. */
export async function logdriveBroker(options: BrokerOptions = {}): Promise<Broker> {
  const folder = mkdtempSync(join(tmpdir(), 'logdrive-interop-pem-'))
  const certificates = await makeCertificates(folder)
  const collector = options.autoCreate === false ? '  auto_create_topics: false' : ''
  const opened = new Map<string, Promise<LogdriveProcess>>()
  const open = (kafka: string) => {
    const process = opened.get(kafka) ?? startLogdrive({ kafka: groupsYaml + kafka, collector })
    opened.set(kafka, process)
    return process
  }
  const plain = await open(options.acls === true ? aclYaml : '')
  const version = (await import('../../package.json', { with: { type: 'json' } })).default.version
  return {
    name: 'Logdrive',
    version,
    plain: plain.brokers,
    lacks: {},
    door: async (name) => {
      const { yaml, security } = wayTo(name, certificates)
      return { brokers: (await open(yaml)).brokers, security }
    },
    [Symbol.asyncDispose]: async () => {
      for (const process of opened.values()) await (await process)[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What the YAML says and what a client needs for a door. Doors with the same YAML are one process. */
function wayTo(
  door: Door,
  { ca, server, client }: Certificates,
): { yaml: string; security: WayIn['security'] } {
  const sasl = `
    sasl: { mechanisms: [plain, scram-sha-256, scram-sha-512] }
    users: { ${user.username}: { password: ${user.password} } }`
  const tls = (more: string) => `\n    tls: { cert: ${server.cert}, key: ${server.key}${more} }`
  switch (door) {
    case 'sasl-plain':
      return { yaml: sasl, security: { protocol: 'sasl_plaintext', mechanism: 'PLAIN', ...user } }
    case 'scram-256':
      return { yaml: sasl, security: { protocol: 'sasl_plaintext', mechanism: 'SCRAM-SHA-256', ...user } }
    case 'scram-512':
      return { yaml: sasl, security: { protocol: 'sasl_plaintext', mechanism: 'SCRAM-SHA-512', ...user } }
    case 'tls':
      return { yaml: tls(''), security: { protocol: 'ssl', ca } }
    case 'mtls':
      return {
        yaml: tls(`, client_ca: ${ca}, client_auth: require`),
        security: { protocol: 'ssl', ca, ...client },
      }
    case 'sasl-tls':
      return {
        yaml: tls('') + sasl,
        security: { protocol: 'sasl_ssl', mechanism: 'SCRAM-SHA-512', ...user, ca },
      }
  }
}
