// Sockets of this machine: the conformance suite, and TLS with and without certificates of clients.
import { nodeTransport } from '../../runtime/transport.ts'
import { transportConformance } from '../conformance/transport.ts'
import { MemoryLogger } from '../sim/logger.ts'

transportConformance('nodeTransport', () => ({
  transport: nodeTransport(new MemoryLogger()),
  complete: (promise) => promise,
}))
