// The shape of the input syslog: where it listens, how messages are told apart, and the bounds.
import { z } from 'zod'
import * as fields from '../fields.ts'
import { lineKeys } from './lines.ts'

const tls = z.strictObject({
  cert: fields.path().meta({
    description: 'File with the certificate and those between it and the root, PEM; read at the start.',
    examples: ['/etc/logdrive/syslog.pem'],
  }),
  key: fields.path().meta({
    description: 'File with its private key, PEM, without a passphrase.',
    examples: ['/etc/logdrive/syslog.key'],
  }),
  client_ca: fields.path().optional().meta({
    description:
      'File with the certificates that must have signed those of senders, PEM; without it anybody may send.',
  }),
})

/** `type: syslog`. */
export const syslogInput = z.strictObject({
  type: z
    .literal('syslog')
    .meta({ description: 'Messages of other programs and machines, RFC 3164 and 5424.' }),
  listen: fields
    .address()
    .prefault('127.0.0.1:5514')
    .meta({ description: 'Where it listens, for UDP and TCP alike.', examples: ['0.0.0.0:5514'] }),
  protocols: z
    .array(z.enum(['udp', 'tcp']))
    .min(1, { error: 'at least one of udp, tcp' })
    .prefault(['udp', 'tcp'])
    .meta({ description: 'How messages come.' }),
  tls: tls.optional().meta({ description: 'TLS on the TCP port (RFC 5425).' }),
  framing: z.enum(['auto', 'newline', 'octet_counting']).prefault('auto').meta({
    description:
      'How messages are told apart on TCP (RFC 6587): a line each, or with their length in front. `auto` sees it at the first byte of a connection.',
  }),
  connections_max: fields
    .count({ min: 1, max: 10_000 })
    .prefault(256)
    .meta({ description: 'TCP connections at a time; others are closed at once.' }),
  receive_buffer: fields
    .size({ min: 4096, max: 2 ** 30 })
    .prefault('4MiB')
    .meta({
      description: 'What the system keeps of datagrams that were not read yet; at most net.core.rmem_max.',
    }),
  ...lineKeys,
  line_bytes_max: fields
    .size({ min: 480, max: 2 ** 20 })
    .prefault('64KiB')
    .meta({ description: 'A longer message is cut, and the cut is counted in the loss ledger.' }),
  transforms: lineKeys.transforms,
  parse: lineKeys.parse.meta({
    description: 'How messages become records; `syslog` unless said.',
    examples: [{ type: 'syslog', time: { zone: 'Europe/Berlin' } }],
  }),
})
