// Logins on the wire: frames of clients that have not said who they are, bare tokens, and what comes too early.
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import type { SecurityOptions } from '../../../collector/kafka/security.ts'
import { type ApiName, apis, type RequestInput } from '../../../protocol/apis/index.ts'
import { decodeResponse, encodeRequest } from '../../../protocol/message.ts'
import type { Api, Input } from '../../../protocol/schema.ts'
import { listen } from './listening.ts'

const sasl: Partial<SecurityOptions> = {
  sasl: { mechanisms: ['PLAIN', 'SCRAM-SHA-256'], sessionMs: null },
  passwords: { alice: 'alice-secret' },
}

/** A socket that sends bytes as they are, and gives whole frames; null when the broker has hung up. */
class RawClient implements Disposable {
  readonly #socket: net.Socket
  readonly #frames: AsyncGenerator<Buffer>

  constructor(port: number) {
    this.#socket = net.connect({ host: '127.0.0.1', port })
    this.#socket.on('error', () => undefined)
    this.#frames = framesOf(this.#socket)
  }

  send(frame: Uint8Array): void {
    const length = Buffer.alloc(4)
    length.writeInt32BE(frame.length, 0)
    this.#socket.write(Buffer.concat([length, frame]))
  }

  sendBytes(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  request<Name extends ApiName>(name: Name, version: number, body: RequestInput<Name>): void {
    const api: Api = apis[name]
    const input = body as Input<Api['request']>
    const pieces = encodeRequest(api, { version, correlationId: 7, clientId: 'raw', body: input })
    this.sendBytes(Buffer.concat(pieces))
  }

  async frame(): Promise<Buffer | null> {
    const next = await this.#frames.next()
    return next.done === true ? null : next.value
  }

  async answer(name: ApiName, version: number): Promise<unknown> {
    const frame = await this.frame()
    return frame === null ? null : decodeResponse(apis[name] as Api, version, frame).body
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }
}

async function* framesOf(socket: net.Socket): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0)
  try {
    for await (const chunk of socket) {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
        const end = 4 + rest.readInt32BE(0)
        yield rest.subarray(4, end)
        rest = rest.subarray(end)
      }
    }
  } catch {
    // A connection that is reset is over as well.
  }
}

const token = (text: string) => new TextEncoder().encode(text)

describe('a handshake of version 0', () => {
  test('is followed by bare tokens, then by requests', async () => {
    await using listener = await listen(sasl)
    using client = new RawClient(listener.port)
    client.request('SaslHandshake', 0, { mechanism: 'PLAIN' })
    expect(await client.answer('SaslHandshake', 0)).toEqual({
      errorCode: 0,
      mechanisms: ['PLAIN', 'SCRAM-SHA-256'],
    })
    client.send(token('\0alice\0alice-secret'))
    expect(await client.frame()).toEqual(Buffer.alloc(0))
    client.request('Metadata', 1, { topics: [{ name: 'orders' }] })
    expect(await client.answer('Metadata', 1)).toMatchObject({ topics: [{ name: 'orders', errorCode: 0 }] })
  })

  test('everything in one go is answered in order', async () => {
    await using listener = await listen(sasl)
    using client = new RawClient(listener.port)
    client.request('SaslHandshake', 0, { mechanism: 'PLAIN' })
    client.send(token('\0alice\0alice-secret'))
    client.request('Metadata', 1, { topics: [] })
    expect(await client.answer('SaslHandshake', 0)).toMatchObject({ errorCode: 0 })
    expect(await client.frame()).toEqual(Buffer.alloc(0))
    expect(await client.answer('Metadata', 1)).toMatchObject({ topics: [] })
  })

  test('a wrong password ends the connection without a word', async () => {
    await using listener = await listen(sasl)
    using client = new RawClient(listener.port)
    client.request('SaslHandshake', 0, { mechanism: 'PLAIN' })
    await client.frame()
    client.send(token('\0alice\0wrong'))
    expect(await client.frame()).toBeNull()
  })
})

describe('a handshake of version 1', () => {
  test('a failed login is told, then the connection ends', async () => {
    await using listener = await listen(sasl)
    using client = new RawClient(listener.port)
    client.request('SaslHandshake', 1, { mechanism: 'PLAIN' })
    client.request('SaslAuthenticate', 2, { authBytes: token('\0alice\0wrong') })
    client.request('Metadata', 1, { topics: null })
    await client.frame()
    expect(await client.answer('SaslAuthenticate', 2)).toMatchObject({
      errorCode: 58,
      errorMessage: 'Authentication failed: wrong user or password',
      sessionLifetimeMs: 0,
    })
    expect(await client.frame()).toBeNull()
  })

  test('a mechanism that is not offered is told which are, then the connection ends', async () => {
    await using listener = await listen(sasl)
    using client = new RawClient(listener.port)
    client.request('SaslHandshake', 1, { mechanism: 'GSSAPI' })
    expect(await client.answer('SaslHandshake', 1)).toEqual({
      errorCode: 33,
      mechanisms: ['PLAIN', 'SCRAM-SHA-256'],
    })
    expect(await client.frame()).toBeNull()
  })
})

describe('a client that has not logged in', () => {
  test('asks for versions, and nothing else', async () => {
    await using listener = await listen(sasl)
    using client = new RawClient(listener.port)
    client.request('ApiVersions', 0, {})
    expect(await client.answer('ApiVersions', 0)).toMatchObject({ errorCode: 0 })
    client.request('Metadata', 1, { topics: null })
    expect(await client.frame()).toBeNull()
  })

  test.each([
    ['a frame of a gigabyte', Buffer.from([0x40, 0, 0, 0])],
    ['a frame of 512 KiB and a byte', Buffer.from([0, 8, 0, 1])],
    ['a frame of negative length', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['a TLS hello', Buffer.from('16030100f8010000f4030300', 'hex')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ])('%s ends the connection', async (_, bytes) => {
    await using listener = await listen(sasl)
    using client = new RawClient(listener.port)
    client.sendBytes(bytes)
    expect(await client.frame()).toBeNull()
  })

  test('a token that is cut short, empty or of random bytes ends the login', async () => {
    await using listener = await listen(sasl)
    for (const mechanism of ['PLAIN', 'SCRAM-SHA-256']) {
      for (const bad of [
        token(''),
        token('n,,n=al'),
        Buffer.from('00ff00ff', 'hex'),
        Buffer.alloc(100_000, 0x61),
      ]) {
        using client = new RawClient(listener.port)
        client.request('SaslHandshake', 1, { mechanism })
        await client.frame()
        client.request('SaslAuthenticate', 2, { authBytes: bad })
        expect(await client.answer('SaslAuthenticate', 2)).toMatchObject({ errorCode: 58 })
        expect(await client.frame()).toBeNull()
      }
    }
  })
})
