// The input syslog with the real logger and raw sockets: UDP, TCP with both framings, TLS, floods, bad senders.
import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import { expect, test } from 'vitest'
import { startAgent } from '../../agent/agent.ts'
import { syslog } from '../../agent/inputs/syslog/input.ts'
import { nodeDatagrams } from '../../runtime/datagrams.ts'
import { nodeRuntime } from '../../runtime/node.ts'
import { collecting } from './collecting.ts'
import { freePorts, until } from './processes.ts'

const connected = async (port: number): Promise<net.Socket> => {
  const socket = net.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

async function listening(more = '') {
  const [port = 0] = await freePorts(1)
  const on = await collecting(() => `    net: { type: syslog, listen: "127.0.0.1:${port}"${more} }`)
  const agent = on.start()
  const ways = more.includes('protocols') ? 1 : 2
  const heard = () => agent.output.match(/listening for syslog/g)?.length ?? 0
  await until(
    () => agent.output,
    30,
    async () => (heard() >= ways ? true : null),
  )
  return { on, agent, port }
}

test('logger over UDP and TCP, old and new format: records with severity, host, program and peer', async () => {
  const { on, agent, port } = await listening()
  await using _on = on
  const logger = (...words: string[]) =>
    execFileSync('logger', ['-n', '127.0.0.1', '-P', String(port), '-t', 'shop', ...words])
  logger('-d', '--rfc3164', '-p', 'local0.err', 'udp old')
  await on.arrived(1)
  logger('-d', '--rfc5424', '-p', 'user.warning', 'udp new')
  await on.arrived(2)
  logger('-T', '--rfc5424', '-p', 'user.info', 'tcp line')
  await on.arrived(3)
  logger('-T', '--rfc5424', '--octet-count', '-p', 'user.crit', 'tcp counted')
  await on.arrived(4)
  const facts = on
    .records()
    .map((record) => [
      record.body.replace(/^.* (\w+ \w+)$/s, '$1'),
      record.severity_number,
      record.service_name,
      record.attrs_string?.['network.peer.address'],
      record.attrs_string?.['network.transport'],
    ])
  expect(facts).toEqual([
    ['udp old', 17, 'shop', '127.0.0.1', 'udp'],
    ['udp new', 13, 'shop', '127.0.0.1', 'udp'],
    ['tcp line', 9, 'shop', '127.0.0.1', 'tcp'],
    ['tcp counted', 18, 'shop', '127.0.0.1', 'tcp'],
  ])
  expect(await agent.stop()).toBe(0)
})

test('a connection that sends on and on: everything once, in order, and not read while nobody takes it', async () => {
  const { on, port } = await listening(', protocols: [tcp]')
  await using _on = on
  let isOpen = false
  on.receiver.intercept = ({ method }) =>
    isOpen || method !== 'POST' ? null : { status: 503, headers: { 'retry-after': '1' }, body: '{}' }
  const socket = await connected(port)
  const lines = Array.from({ length: 25_000 }, (_, index) => `${index} ${'x'.repeat(600)}`)
  socket.write(lines.map((line) => `<14>Nov 21 06:00:00 web1 app: ${line}\n`).join(''))
  // More than the kernel and the agent take: the rest waits here.
  await until('back-pressure', 30, async () =>
    socket.bytesWritten > 0 && socket.writableLength > 0 ? true : null,
  )
  isOpen = true
  socket.end()
  await on.arrived(lines.length)
  expect(on.records().map(({ body }) => body)).toEqual(lines)
})

test('senders that are not framed, cut off, silent or too many cost only themselves', async () => {
  const { on, agent, port } = await listening(', protocols: [tcp], connections_max: 3, line_bytes_max: 1KiB')
  await using _on = on
  const bad = await connected(port)
  bad.write('99999999999 x')
  await once(bad.resume(), 'close')
  const silent = await connected(port)
  const cut = await connected(port)
  cut.end('<14>cut off')
  await on.arrived(1)
  const long = await connected(port)
  long.write(`<14>${'y'.repeat(5000)}\n<14>after\n`)
  await on.arrived(3)
  const more = await connected(port)
  const refused = await connected(port)
  refused.on('error', () => undefined)
  await once(refused.resume(), 'close')
  expect(on.records().map(({ body }) => body.length)).toEqual([11, 1024, 9])
  for (const socket of [silent, long, more]) socket.destroy()
  expect(await agent.stop()).toBe(0)
  expect(agent.output).toContain('does not begin with its length')
})

test('TLS with a certificate of the sender', async () => {
  const keys = await collecting(() => '    a: { type: stdin }')
  await using _keys = keys
  const openssl = (...words: string[]) =>
    execFileSync('openssl', words, { cwd: keys.folder, stdio: 'ignore' })
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-keyout',
    'k.pem',
    '-out',
    'c.pem',
    '-subj',
    '/CN=localhost',
  )
  const path = (name: string) => join(keys.folder, name)
  const { on, port } = await listening(
    `, protocols: [tcp], tls: { cert: ${path('c.pem')}, key: ${path('k.pem')}, client_ca: ${path('c.pem')} }`,
  )
  await using _on = on
  const [cert, key] = [readFileSync(path('c.pem')), readFileSync(path('k.pem'))]
  const stranger = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  stranger.on('error', () => undefined)
  stranger.write('<14>stranger\n')
  await new Promise((resolve) => stranger.resume().once('close', resolve))
  const friend = tls.connect({ port, host: '127.0.0.1', ca: cert, cert, key, servername: 'localhost' })
  await once(friend, 'secureConnect')
  friend.end('<14>friend\n')
  await on.arrived(1)
  expect(on.records().map(({ body }) => body)).toEqual(['<14>friend'])
})

test('a flood of datagrams: what did not arrive was counted', async () => {
  const runtime = nodeRuntime({ level: 'silent' })
  await using on = await collecting(() => '    a: { type: stdin }')
  const [port = 0] = await freePorts(1)
  const input = {
    ...{ name: 'net', topic: 'logs', listen: { host: '127.0.0.1', port }, protocols: ['udp'] as const },
    ...{ tls: null, framing: 'auto' as const, messageBytesMax: 2048, connectionsMax: 1 },
    ...{ receiveBufferBytes: 64 * 1024, parse: { type: 'syslog' as const } },
  }
  await using agent = await startAgent(
    {
      collectors: [on.url],
      key: null,
      stateFolder: join(on.folder, 'flood'),
      host: 'web1',
      inputs: [],
      sources: [syslog(input, nodeDatagrams)],
      limits: { recordsBytesMax: 256 * 1024 },
    },
    runtime,
    new AbortController().signal,
  )
  let isOpen = false
  on.receiver.intercept = ({ method }) =>
    isOpen || method !== 'POST' ? null : { status: 503, headers: { 'retry-after': '1' }, body: '{}' }
  const socket = createSocket('udp4')
  const status = () => agent.status()
  const received = () => Number(status().sources.net?.datagrams ?? 0)
  let sent = 0
  const send = () => {
    sent += 1
    return new Promise<void>((done) => socket.send(`<14>${'z'.repeat(900)}`, port, '127.0.0.1', () => done()))
  }
  const times = (reason: string) => status().losses[reason]?.times ?? 0
  const dropSome = async () => {
    for (let index = 0; index < 20; index += 1) await send()
    return times('input_dropped') > 0 ? true : null
  }
  // A few at a time: the agent runs out of room.
  await until('the agent to drop some', 30, dropSome, 1)
  // All at once: the system does, since nobody reads meanwhile.
  await Promise.all(Array.from({ length: 500 }, send))
  isOpen = true
  await until('all that was received', 60, async () =>
    on.receiver.lines.length + times('input_dropped') === received() ? true : null,
  )
  await agent[Symbol.asyncDispose]()
  expect(times('datagrams_lost')).toBeGreaterThan(0)
  expect(on.receiver.lines.length + times('input_dropped') + times('datagrams_lost')).toBe(sent)
  socket.close()
})

test('a port that is taken: said with the fix, and tried again while the rest goes on', async () => {
  const holder = net.createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as net.AddressInfo
  await using on = await collecting(
    () =>
      `    net: { type: syslog, listen: "127.0.0.1:${port}", protocols: [tcp] }\n    job: { type: exec, shell: echo here, interval: 1s }`,
  )
  const agent = on.start()
  await on.arrived(1)
  await until('the word', 30, async () => (agent.output.includes('already in use') ? true : null))
  holder.close()
  await until('the port', 30, async () => (agent.output.includes('listening for syslog') ? true : null))
})
