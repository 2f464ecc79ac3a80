// The shape of how an agent ships: requests, TLS, a proxy, and what it shows of itself.
import { z } from 'zod'
import * as fields from './fields.ts'

/** `agent.requests`. */
export const requests = z.strictObject({
  min: fields
    .integer({ min: 1, max: 64 })
    .prefault(1)
    .meta({ description: 'Requests at a time at the least.' }),
  max: fields.integer({ min: 1, max: 64 }).prefault(8).meta({
    description:
      'Requests at a time at the most. Between the two the agent finds out what the collector takes well.',
  }),
  timeout: fields
    .duration({ min: 1000, max: 600_000 })
    .prefault('30s')
    .meta({ description: 'A request without an answer for so long is sent again.' }),
  in_flight: fields
    .size({ min: 4 * 2 ** 20, max: 2 ** 30 })
    .prefault('24MiB')
    .meta({
      description:
        'Bytes of lines in memory: read and not yet acknowledged. When they are full, nothing more is read.',
    }),
  wait_min: fields.duration({ min: 10, max: 60_000 }).prefault('500ms').meta({
    description: 'Before the first repeat at most; doubled each time, and then a random part of it.',
  }),
  wait_max: fields
    .duration({ min: 100, max: 3_600_000 })
    .prefault('30s')
    .meta({ description: 'Between two repeats at most.' }),
})

/** `agent.metrics`. */
export const metrics = z.strictObject({
  listen: fields
    .address()
    .prefault('127.0.0.1:9464')
    .meta({ description: 'Where `GET /metrics` is answered, without any key: keep it on loopback.' }),
  files: fields
    .integer({ min: 0, max: 10_000 })
    .prefault(100)
    .meta({ description: 'Files with series of their own: those with the longest lag.' }),
})

/** `agent.tls`. */
export const tls = z.strictObject({
  ca: fields
    .path()
    .optional()
    .meta({
      description:
        "File with the certificates that may sign the collector's, PEM. Default: those of the system.",
      examples: ['/etc/logdrive/ca.pem'],
    }),
  cert: fields
    .path()
    .optional()
    .meta({ description: 'File with the certificate that the agent shows, PEM.' }),
  key: fields
    .path()
    .optional()
    .meta({ description: 'File with its private key, PEM, without a passphrase.' }),
  pins: z
    .array(
      z
        .string({ error: 'expected a pin: sha256/ and 44 characters of base64' })
        .regex(/^(sha256\/)?[A-Za-z0-9+/]{43}=$/, {
          error:
            'expected a pin: the SHA-256 of a public key in base64, such as sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
        })
        .transform((pin) => pin.replace(/^sha256\//, '')),
    )
    .prefault([])
    .meta({
      description:
        'Public keys (SHA-256 of the SubjectPublicKeyInfo, base64) of which the collector must show one, besides being signed.',
    }),
})

/** `agent.proxy`: a URL, or a map. */
export const proxy = z
  .union([proxyUrl().transform((url) => ({ url, except: [] as string[] })), proxyMap()], {
    error: 'expected a URL such as http://proxy:3128, or a map with url and except',
  })
  .meta({ title: 'proxy' })

function proxyMap() {
  return z.strictObject({
    url: proxyUrl().meta({
      description: 'Where the proxy is, with user and password where it asks for them.',
      examples: [`\${env:HTTPS_PROXY}`],
    }),
    except: z
      .union([z.array(z.string().min(1)), z.string().transform(namesOf)], {
        error: 'expected a list of hosts, or one text with commas between them',
      })
      .prefault([])
      .meta({
        description:
          'Hosts that are asked directly: a name means itself and what is below it; `*` means all.',
        examples: [['localhost', '.internal']],
      }),
  })
}

/** As NO_PROXY has them. */
function namesOf(text: string): string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
}

function proxyUrl() {
  return fields.secret().refine(isProxyUrl, {
    error: 'expected a URL of the proxy such as http://user:password@proxy:3128',
  })
}

function isProxyUrl(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === ''
}
