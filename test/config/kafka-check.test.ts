// What is wrong or doubtful in `collector.kafka`: who may connect, logins, ACLs, TLS files.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatProblem } from '../../config/load.ts'
import { makeCertificates } from '../interop/certificates.ts'
import { load } from './samples.ts'

function findings(kafka: string, files: Readonly<Record<string, string>> = {}): string {
  const loaded = load(`version: 1\ncollector:\n  kafka: ${kafka}`, { PASSWORD: 'secret-of-alice' }, files)
  if ('problems' in loaded)
    return loaded.problems.map((problem) => `error: ${formatProblem(problem)}`).join('\n')
  return loaded.warnings.map((problem) => `warning: ${formatProblem(problem)}`).join('\n')
}

describe('who may connect', () => {
  test('on loopback nobody has to say who they are', () => {
    expect(findings('{ listen: 127.0.0.1:9092 }')).toBe('')
    expect(findings('{ listen: "[::1]:9092" }')).toBe('')
  })

  test('other machines are refused when nobody is asked, unless it is said that this is wanted', () => {
    expect(findings('{ listen: 0.0.0.0:9092 }')).toMatchInlineSnapshot(
      `"error: logdrive.yaml:3:20 collector.kafka.listen: reachable from other machines, and nobody is asked who they are: add sasl, or tls with client_auth: require, or say insecure: true"`,
    )
    expect(findings('{ listen: 0.0.0.0:9092, insecure: true }')).toBe('')
    const users = `users: { alice: { password: "\${env:PASSWORD}" } }`
    expect(findings(`{ listen: 0.0.0.0:9092, sasl: {}, ${users} }`)).toBe('')
  })

  test('plain passwords on an open network are doubted', () => {
    const users = 'users: { alice: { password: secret-of-alice } }'
    const kafka = `{ listen: 0.0.0.0:9092, sasl: { mechanisms: [plain] }, ${users} }`
    expect(findings(kafka)).toMatchInlineSnapshot(
      `"warning: logdrive.yaml:3:54 collector.kafka.sasl.mechanisms: with plain and without tls passwords cross the network in the clear"`,
    )
  })
})

describe('logins', () => {
  test('users without sasl, sasl without users, and rules without either are doubted', () => {
    expect(findings('{ users: { alice: { password: abc } } }')).toMatchInlineSnapshot(
      `"warning: logdrive.yaml:3:19 collector.kafka.users: without sasl nobody is asked to log in"`,
    )
    expect(findings('{ sasl: { mechanisms: [scram-sha-256] } }')).toMatchInlineSnapshot(
      `"warning: logdrive.yaml:3:18 collector.kafka.sasl: no users: only those that kafka-configs has made can log in"`,
    )
    expect(findings('{ acls: [{ allow: alice, to: read, topics: a }] }')).toMatchInlineSnapshot(
      `"warning: logdrive.yaml:3:18 collector.kafka.acls: without sasl or client certificates everybody is User:ANONYMOUS"`,
    )
    expect(findings('{ super_users: [alice] }')).toMatchInlineSnapshot(
      `"warning: logdrive.yaml:3:25 collector.kafka.super_users: without sasl or client certificates everybody is User:ANONYMOUS"`,
    )
  })

  test('a mechanism that is not there is named, with the nearest', () => {
    expect(findings('{ sasl: { mechanisms: [scram-sha256] } }')).toMatchInlineSnapshot(
      `"error: logdrive.yaml:3:33 collector.kafka.sasl.mechanisms[0]: expected one of plain, scram-sha-256, scram-sha-512; did you mean "scram-sha-256"?"`,
    )
  })

  test('no message ever holds a password', () => {
    const kafka = `{ users: { alice: { password: ["\${env:PASSWORD}"] } }, insecure: "\${env:PASSWORD}" }`
    expect(findings(kafka)).not.toContain('secret-of-alice')
  })

  test('everybody as super user is refused', () => {
    expect(findings('{ sasl: {}, super_users: ["*"] }')).toMatchInlineSnapshot(
      `"error: logdrive.yaml:3:36 collector.kafka.super_users[0]: everybody? without super_users and acls everybody may do everything already"`,
    )
  })
})

describe('ACLs', () => {
  test('a rule needs users, and something that it is about', () => {
    expect(findings('{ acls: [{ to: read, topics: a }] }')).toMatchInlineSnapshot(
      `"error: logdrive.yaml:3:19 collector.kafka.acls[0]: expected either allow or deny, with the users"`,
    )
    expect(findings('{ acls: [{ allow: alice, to: read }] }')).toMatchInlineSnapshot(
      `"error: logdrive.yaml:3:19 collector.kafka.acls[0]: on what? give topics, groups, transactional_ids or cluster: true"`,
    )
    expect(findings('{ acls: [{ allow: alice, to: reed, topics: a }] }')).toMatchInlineSnapshot(
      `"error: logdrive.yaml:3:39 collector.kafka.acls[0].to: expected all, read, write, create, delete, alter, describe, cluster_action, describe_configs, alter_configs, idempotent_write, or a list of them"`,
    )
    expect(findings('{ acls: [{ allow: alice, to: read, topics: "a*b" }] }')).toMatchInlineSnapshot(
      `"error: logdrive.yaml:3:53 collector.kafka.acls[0].topics: expected the name of a topic, "shop.*" for a beginning, "*" for all, or a list of them"`,
    )
    expect(
      findings('{ acls: [{ allow: alice, to: read, topics: a, from: 10.0.0.0/8 }] }'),
    ).toMatchInlineSnapshot(
      `"error: logdrive.yaml:3:62 collector.kafka.acls[0].from: expected an address such as 10.0.0.7 or ::1, or a list of them"`,
    )
  })
})

describe('TLS files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'logdrive-kafka-check-'))
  const files: Record<string, string> = {}

  beforeAll(async () => {
    const made = await makeCertificates(folder)
    files['server.pem'] = readFileSync(made.server.cert, 'utf8')
    files['server.key'] = readFileSync(made.server.key, 'utf8')
    files['client.key'] = readFileSync(made.client.key, 'utf8')
    files['ca.pem'] = readFileSync(made.ca, 'utf8')
  }, 60_000)

  afterAll(() => rmSync(folder, { recursive: true }))

  test('a certificate, its key and a client CA are fine', () => {
    const tls = 'cert: server.pem, key: server.key, client_ca: ca.pem, client_auth: require'
    expect(findings(`{ listen: 0.0.0.0:9092, tls: { ${tls} } }`, files)).toBe('')
  })

  test('a missing file, a wrong one and the key of another certificate are found where they are named', () => {
    expect(findings('{ tls: { cert: gone.pem, key: server.key } }', files)).toMatchInlineSnapshot(
      `"error: logdrive.yaml:3:25 collector.kafka.tls.cert: this file cannot be read"`,
    )
    expect(findings('{ tls: { cert: server.key, key: server.pem } }', files)).toMatchInlineSnapshot(`
      "error: logdrive.yaml:3:25 collector.kafka.tls.cert: this file holds no certificate: expected PEM, -----BEGIN CERTIFICATE-----
      error: logdrive.yaml:3:42 collector.kafka.tls.key: this file holds no private key without a passphrase: expected PEM, -----BEGIN PRIVATE KEY-----"
    `)
    expect(findings('{ tls: { cert: server.pem, key: client.key } }', files)).toMatchInlineSnapshot(
      `"error: logdrive.yaml:3:42 collector.kafka.tls.key: this key is not that of the certificate"`,
    )
  })

  test('client certificates need somebody who signs them, and the other way round', () => {
    const tls = 'cert: server.pem, key: server.key'
    expect(findings(`{ tls: { ${tls}, client_auth: request } }`, files)).toMatchInlineSnapshot(
      `"error: logdrive.yaml:3:67 collector.kafka.tls.client_auth: client_ca is missing: who may sign the certificates of clients?"`,
    )
    expect(findings(`{ tls: { ${tls}, client_ca: ca.pem } }`, files)).toMatchInlineSnapshot(
      `"warning: logdrive.yaml:3:65 collector.kafka.tls.client_ca: not used: client_auth is none"`,
    )
  })

  test('TLS alone does not say who connects', () => {
    const tls = 'cert: server.pem, key: server.key'
    expect(findings(`{ listen: 0.0.0.0:9092, tls: { ${tls} } }`, files)).toContain('nobody is asked')
  })

  test('who runs no collector does not look at its files', () => {
    const text = 'version: 1\ncollector:\n  kafka: { tls: { cert: gone.pem, key: gone.key } }'
    expect('config' in load(text, {}, {}, 'unchecked')).toBe(true)
  })
})
