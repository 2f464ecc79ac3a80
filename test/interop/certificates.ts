// A certificate authority of the rig's own, with a certificate for the broker (127.0.0.1) and one for a client: openssl.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './commands.ts'

/** Paths of PEM files; keys are PKCS #8 without a password. */
export interface Certificates {
  readonly ca: string
  readonly server: { readonly cert: string; readonly key: string }
  readonly client: { readonly cert: string; readonly key: string }
  /** For Java servers: key and certificate in one file. */
  readonly serverBoth: string
}

/** Makes them in a folder; valid for a week. The client is `CN=alice`. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const file = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder })
  const key = ['-newkey', 'rsa:2048', '-nodes']
  await openssl(
    'req',
    '-x509',
    ...key,
    '-days',
    '7',
    '-subj',
    '/CN=interop-ca',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  )
  writeFileSync(file('server.ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
  writeFileSync(file('client.ext'), 'extendedKeyUsage=clientAuth\n')
  for (const [name, subject] of [
    ['server', '/CN=localhost'],
    ['client', '/CN=alice'],
  ] as const) {
    await openssl('req', ...key, '-subj', subject, '-keyout', `${name}.key`, '-out', `${name}.csr`)
    const signing = [
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '7',
      '-extfile',
      `${name}.ext`,
    ]
    await openssl('x509', '-req', '-in', `${name}.csr`, ...signing, '-out', `${name}.pem`)
  }
  await run('sh', ['-c', 'cat server.key server.pem > server-both.pem'], { cwd: folder })
  return {
    ca: file('ca.pem'),
    server: { cert: file('server.pem'), key: file('server.key') },
    client: { cert: file('client.pem'), key: file('client.key') },
    serverBoth: file('server-both.pem'),
  }
}
