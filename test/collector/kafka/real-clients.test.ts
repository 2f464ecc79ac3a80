// kafkajs and @platformatic/kafka log in with every mechanism, over TLS and without, and are refused as they should be.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Admin, type ConnectionOptions, Producer, stringSerializers } from '@platformatic/kafka'
import { Kafka, type KafkaConfig, logLevel, type SASLOptions } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SecurityOptions } from '../../../collector/kafka/security.ts'
import type { ListenTls } from '../../../core/runtime.ts'
import { systemClock } from '../../../runtime/clock.ts'
import { type Certificates, makeCertificates } from '../../interop/certificates.ts'
import { listen } from './listening.ts'

const folder = mkdtempSync(join(tmpdir(), 'logdrive-kafka-security-'))
let files: Certificates
let ca: string

beforeAll(async () => {
  files = await makeCertificates(folder)
  ca = readFileSync(files.ca, 'utf8')
}, 60_000)

afterAll(() => rmSync(folder, { recursive: true }))

const sasl: Partial<SecurityOptions> = {
  sasl: { mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'], sessionMs: null },
  passwords: { 'al,i=ce': 'älice-secret', bob: 'bob-secret' },
}

function serverTls(clientAuth: ListenTls['clientAuth'] = 'none'): ListenTls {
  const read = (path: string) => readFileSync(path, 'utf8')
  const { cert, key } = files.server
  return { cert: read(cert), key: read(key), clientCa: clientAuth === 'none' ? null : ca, clientAuth }
}

function kafkajs(address: string, config: Partial<KafkaConfig>): Kafka {
  return new Kafka({
    clientId: 'kafkajs',
    brokers: [address],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    ...config,
  })
}

/** Writes three records and asks where the topic ends; consumers are the business of test/interop. */
async function writeWithKafkajs(kafka: Kafka): Promise<unknown> {
  const producer = kafka.producer()
  const admin = kafka.admin()
  try {
    await producer.connect()
    await producer.send({ topic: 'orders', messages: ['a', 'b', 'c'].map((value) => ({ value })) })
    await admin.connect()
    return (await admin.fetchTopicOffsets('orders'))[0]?.high
  } finally {
    await producer.disconnect()
    await admin.disconnect()
  }
}

async function writeWithPlatformatic(address: string, options: ConnectionOptions): Promise<unknown> {
  const common = { clientId: 'platformatic', bootstrapBrokers: [address], retries: 0, ...options }
  const producer = new Producer({ ...common, serializers: stringSerializers })
  const admin = new Admin(common)
  try {
    await producer.send({ messages: ['a', 'b', 'c'].map((value) => ({ topic: 'orders', value })) })
    const partitions = [{ partitionIndex: 0, timestamp: -1n }]
    const offsets = await admin.listOffsets({ topics: [{ name: 'orders', partitions }] })
    return String(offsets[0]?.partitions[0]?.offset)
  } finally {
    await producer.close()
    await admin.close()
  }
}

const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const

describe.each(mechanisms)('%s', (mechanism) => {
  const platformatic = mechanism.toUpperCase() as 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  const login = (username = 'al,i=ce', password = 'älice-secret') =>
    ({ mechanism, username, password }) as SASLOptions

  test('kafkajs writes and asks, with TLS and without', async () => {
    await using plain = await listen(sasl)
    expect(await writeWithKafkajs(kafkajs(plain.address, { sasl: login() }))).toBe('3')
    await using secure = await listen(sasl, serverTls())
    const ssl = { ca: [ca] }
    expect(await writeWithKafkajs(kafkajs(secure.address, { sasl: login(), ssl }))).toBe('3')
  })

  test('@platformatic/kafka writes and asks, with TLS and without', async () => {
    const options = { sasl: { mechanism: platformatic, username: 'bob', password: 'bob-secret' } }
    await using plain = await listen(sasl)
    expect(await writeWithPlatformatic(plain.address, options)).toBe('3')
    await using secure = await listen(sasl, serverTls())
    expect(await writeWithPlatformatic(secure.address, { ...options, tls: { ca: [ca] } })).toBe('3')
  })

  test('a wrong password and an unknown user are refused, with the same words', async () => {
    await using listener = await listen(sasl)
    for (const user of ['al,i=ce', 'mallory']) {
      const producer = kafkajs(listener.address, { sasl: login(user, 'wrong') }).producer()
      await expect(producer.connect()).rejects.toThrow('Authentication failed: wrong user or password')
      await producer.disconnect()
    }
  })
})

describe('TLS', () => {
  test('a client that has not logged in is not served', async () => {
    await using listener = await listen(sasl)
    const admin = kafkajs(listener.address, {}).admin()
    await expect(admin.connect().then(() => admin.listTopics())).rejects.toThrow()
    await admin.disconnect()
  })

  test('a client that speaks in the clear is not served', async () => {
    await using listener = await listen({}, serverTls())
    const producer = kafkajs(listener.address, { connectionTimeout: 1000 }).producer()
    await expect(producer.connect()).rejects.toThrow()
    await producer.disconnect()
  })

  test('a certificate says who a client is; without one nobody comes in', async () => {
    const acl = { resourceType: 'TOPIC', patternType: 'LITERAL', host: '*', permission: 'ALLOW' } as const
    const authorizer = {
      superUsers: [],
      acls: [{ ...acl, resourceName: 'orders', principal: 'User:CN=alice', operation: 'DESCRIBE' as const }],
      allowEveryoneIfNoAcl: false,
    }
    await using listener = await listen({ clientAuth: 'require', authorizer }, serverTls('require'))
    await listener.broker.createTopic('secret', {})
    const { cert, key } = files.client
    const ssl = { ca: [ca], cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
    const admin = kafkajs(listener.address, { ssl }).admin()
    await admin.connect()
    expect(await admin.listTopics()).toEqual(['orders'])
    await admin.disconnect()
    const nobody = kafkajs(listener.address, { ssl: { ca: [ca] }, connectionTimeout: 1000 }).admin()
    await expect(nobody.connect()).rejects.toThrow()
    await nobody.disconnect()
  })

  test('a certificate that nobody has signed counts as none', async () => {
    const acl = { resourceType: 'TOPIC', patternType: 'LITERAL', host: '*', permission: 'ALLOW' } as const
    const forNobody = {
      ...acl,
      resourceName: 'orders',
      principal: 'User:ANONYMOUS',
      operation: 'READ' as const,
    }
    const authorizer = { superUsers: ['User:CN=alice'], acls: [forNobody], allowEveryoneIfNoAcl: false }
    // The only ones that it believes are those that the server's own certificate has signed.
    const tls = { ...serverTls('request'), clientCa: serverTls().cert }
    await using listener = await listen({ clientAuth: 'request', authorizer }, tls)
    const { cert, key } = files.client
    const ssl = { ca: [ca], cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
    const admin = kafkajs(listener.address, { ssl }).admin()
    await admin.connect()
    expect(await admin.listTopics()).toEqual(['orders'])
    await admin.disconnect()
  })
})

test('a renewed certificate is shown to new clients; those that are connected stay', async () => {
  await using listener = await listen({}, serverTls())
  const before = kafkajs(listener.address, { ssl: { ca: [ca] } }).admin()
  await before.connect()
  const other = await makeCertificates(mkdtempSync(join(folder, 'renewed-')))
  const read = (path: string) => readFileSync(path, 'utf8')
  listener.renewTls({ ...serverTls(), cert: read(other.server.cert), key: read(other.server.key) })
  const after = kafkajs(listener.address, { ssl: { ca: [read(other.ca)] } }).admin()
  await after.connect()
  expect(await after.listTopics()).toContain('orders')
  expect(await before.listTopics()).toContain('orders')
  expect(() => listener.renewTls({ ...serverTls(), key: 'no key' })).toThrow('cannot be used')
  await before.disconnect()
  await after.disconnect()
})

test('a login that counts for a while is done anew by the client', async () => {
  await using listener = await listen({ ...sasl, sasl: { mechanisms: ['PLAIN'], sessionMs: 1000 } })
  const login = { mechanism: 'PLAIN' as const, username: 'bob', password: 'bob-secret' }
  const admin = new Admin({ clientId: 'a', bootstrapBrokers: [listener.address], sasl: login })
  const logins = () => listener.requests('SaslAuthenticate')
  await admin.listTopics()
  const first = logins()
  while (logins() === first) {
    await systemClock.sleep(50, new AbortController().signal)
    expect(await admin.listTopics()).toContain('orders')
  }
  expect(await admin.listTopics()).toContain('orders')
  await admin.close()
})

describe('admin clients', () => {
  test('kafkajs makes, describes and deletes ACLs and topics', async () => {
    const authorizer = { superUsers: ['User:bob'], acls: [], allowEveryoneIfNoAcl: false }
    await using listener = await listen({ ...sasl, authorizer })
    const admin = kafkajs(listener.address, {
      sasl: { mechanism: 'scram-sha-512', username: 'bob', password: 'bob-secret' },
    }).admin()
    await admin.connect()
    const configEntries = [{ name: 'retention.ms', value: '5000' }]
    expect(await admin.createTopics({ topics: [{ topic: 'new', numPartitions: 3, configEntries }] })).toBe(
      true,
    )
    await admin.createPartitions({ topicPartitions: [{ topic: 'new', count: 4 }] })
    const described = await admin.describeConfigs({
      includeSynonyms: true,
      resources: [{ type: 2, name: 'new' }],
    })
    const entry = described.resources[0]?.configEntries.find((one) => one.configName === 'retention.ms')
    expect(entry?.configValue).toBe('5000')
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: 2, name: 'new', configEntries: [] }],
    })
    const rule = {
      resourceType: 2,
      resourceName: 'orders',
      resourcePatternType: 3,
      principal: 'User:al,i=ce',
      host: '*',
      operation: 4,
      permissionType: 3,
    }
    await admin.createAcls({ acl: [rule] })
    const found = await admin.describeAcls({ ...rule, operation: 1, permissionType: 1 })
    expect(found.resources[0]?.acls).toMatchObject([{ principal: 'User:al,i=ce', operation: 4 }])
    const alice = kafkajs(listener.address, {
      sasl: { mechanism: 'plain', username: 'al,i=ce', password: 'älice-secret' },
    })
    const producer = alice.producer()
    await producer.connect()
    await producer.send({ topic: 'orders', messages: [{ value: 'a' }] })
    await expect(producer.send({ topic: 'other', messages: [{ value: 'a' }] })).rejects.toThrow(/authorized/i)
    await producer.disconnect()
    const { filterResponses } = await admin.deleteAcls({ filters: [rule] })
    expect(filterResponses[0]?.matchingAcls.length).toBe(1)
    await admin.deleteTopics({ topics: ['new'] })
    expect(await admin.listTopics()).not.toContain('new')
    await admin.disconnect()
  })

  test('@platformatic/kafka looks at the cluster and its disks', async () => {
    await using listener = await listen({})
    const admin = new Admin({ clientId: 'a', bootstrapBrokers: [listener.address], retries: 0 })
    const [disk] = await admin.describeLogDirs({ topics: [{ name: 'orders', partitions: [0] }] })
    expect(disk?.results[0]).toMatchObject({ logDir: '/data' })
    const [configs] = await admin.describeConfigs({
      resources: [{ resourceType: 2, resourceName: 'orders', configurationKeys: ['cleanup.policy'] }],
      includeSynonyms: false,
      includeDocumentation: true,
    })
    expect(configs?.configs).toMatchObject([{ name: 'cleanup.policy', value: 'delete' }])
    await admin.close()
  })
})
