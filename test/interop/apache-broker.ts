// Apache Kafka as the broker under test: what fails here is a fault of the rig.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startApacheKafka } from './apache-kafka.ts'
import { type Broker, type BrokerOptions, type Door, user, type WayIn } from './broker.ts'
import { makeCertificates } from './certificates.ts'
import { kafkaVersions } from './java.ts'

/** librdkafka before 2.6 repeats its nonce in client-final; Kafka refuses that since CVE-2024-56128 was fixed (3.9). */
const oldScram = 'librdkafka before 2.6 writes a nonce that Kafka 3.9 and later refuses'
const oldLibrdkafka = Object.fromEntries(
  ['kcat', 'confluent-kafka (Debian)', 'rsyslog', 'syslog-ng'].map((client) => [client, oldScram]),
)

const aclProperties = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'allow.everyone.if.no.acl.found': 'true',
  'super.users': 'User:ANONYMOUS',
}

/** Members of the newer protocol are not asked how long their sessions are; as our own broker has it here. */
const newerGroups = {
  'group.consumer.min.session.timeout.ms': '6000',
  'group.consumer.session.timeout.ms': '6000',
  'group.consumer.min.heartbeat.interval.ms': '500',
  'group.consumer.heartbeat.interval.ms': '500',
}
const jaas = 'org.apache.kafka.common.security'

/** Starts it with one listener for each way in. */
export async function apacheBroker(options: BrokerOptions = {}): Promise<Broker> {
  const folder = mkdtempSync(join(tmpdir(), 'logdrive-interop-'))
  const certificates = await makeCertificates(folder)
  const { username, password } = user
  const scram = (mechanism: string) => ['--add-scram', `${mechanism}=[name=${username},password=${password}]`]
  const kafka = await startApacheKafka({
    listeners: { SASL: 'SASL_PLAINTEXT', TLS: 'SSL', MTLS: 'SSL', SASLTLS: 'SASL_SSL' },
    format: [...scram('SCRAM-SHA-256'), ...scram('SCRAM-SHA-512')],
    properties: {
      'num.partitions': String(options.partitions ?? 1),
      'auto.create.topics.enable': String(options.autoCreate ?? true),
      ...(options.acls === true ? aclProperties : {}),
      'group.initial.rebalance.delay.ms': '0',
      ...newerGroups,
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
      ...Object.fromEntries(['sasl', 'sasltls'].flatMap((listener) => logins(listener))),
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': certificates.serverBoth,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': certificates.ca,
      'listener.name.mtls.ssl.client.auth': 'required',
    },
  })
  const { ca, client } = certificates
  const at = (name: string) => `127.0.0.1:${kafka.ports[name]}`
  const sasl = (mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512') =>
    ({ brokers: at('SASL'), security: { protocol: 'sasl_plaintext', mechanism, ...user } }) as const
  const doors: Readonly<Record<Door, WayIn>> = {
    'sasl-plain': sasl('PLAIN'),
    'scram-256': sasl('SCRAM-SHA-256'),
    'scram-512': sasl('SCRAM-SHA-512'),
    tls: { brokers: at('TLS'), security: { protocol: 'ssl', ca } },
    mtls: { brokers: at('MTLS'), security: { protocol: 'ssl', ca, ...client } },
    'sasl-tls': {
      brokers: at('SASLTLS'),
      security: { protocol: 'sasl_ssl', mechanism: 'SCRAM-SHA-512', ...user, ca },
    },
  }
  return {
    name: 'Apache Kafka',
    version: kafkaVersions.server,
    plain: kafka.bootstrap,
    lacks: { 'scram-256': oldLibrdkafka, 'scram-512': oldLibrdkafka, 'sasl-tls': oldLibrdkafka },
    door: async (name) => doors[name],
    [Symbol.asyncDispose]: async () => {
      await kafka[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function logins(listener: string): [string, string][] {
  const { username, password } = user
  const prefix = `listener.name.${listener}`
  const scram = `${jaas}.scram.ScramLoginModule required;`
  return [
    [
      `${prefix}.plain.sasl.jaas.config`,
      `${jaas}.plain.PlainLoginModule required user_${username}="${password}";`,
    ],
    [`${prefix}.scram-sha-256.sasl.jaas.config`, scram],
    [`${prefix}.scram-sha-512.sasl.jaas.config`, scram],
  ]
}
