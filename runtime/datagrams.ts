// UDP of node behind Datagrams.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import type { Address, Datagrams } from '../core/runtime.ts'
import { listenError } from './listen-error.ts'

/** UDP sockets of this machine. */
export const nodeDatagrams: Datagrams = {
  async bind(address, { receiveBufferBytes }, receive) {
    const socket = createSocket(isIPv6(address.host) ? 'udp6' : 'udp4')
    socket.on('message', (bytes, { address: host, port }) => receive(bytes, { host, port }))
    try {
      socket.bind({ address: address.host, port: address.port, exclusive: true })
      await once(socket, 'listening')
      socket.setRecvBufferSize(receiveBufferBytes)
    } catch (error) {
      socket.close()
      throw listenError(error as NodeJS.ErrnoException, address)
    }
    // Such as an ICMP answer: nothing that ends a socket which only receives.
    socket.on('error', () => undefined)
    const bound: Address = { host: address.host, port: socket.address().port }
    return {
      address: bound,
      receiveBufferBytes: socket.getRecvBufferSize(),
      async [Symbol.asyncDispose]() {
        const closed = once(socket, 'close')
        socket.close()
        await closed
      },
    }
  },
}
