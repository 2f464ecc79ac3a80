// A real Kafka listener for tests: on a free port of this machine, over a broker on a simulated disk.
import { openBroker } from '../../../collector/broker/broker.ts'
import type { BrokerConfig } from '../../../collector/broker/config.ts'
import { openSecurity, type SecurityOptions } from '../../../collector/kafka/security.ts'
import { startKafkaServer } from '../../../collector/kafka/server.ts'
import type { ListenTls } from '../../../core/runtime.ts'
import { systemClock } from '../../../runtime/clock.ts'
import { systemRandom } from '../../../runtime/random.ts'
import { nodeTransport } from '../../../runtime/transport.ts'
import { MemoryLogger } from '../../sim/logger.ts'
import { SeededRandom } from '../../sim/random.ts'
import { SimulatedDisk } from '../../sim/storage.ts'
import { openToAll } from './asking.ts'

/** It has the topic `orders`; groups begin without waiting for more members. */
export async function listen(
  security: Partial<SecurityOptions>,
  tls: ListenTls | null = null,
  config: Partial<BrokerConfig> = {},
) {
  const logger = new MemoryLogger()
  const world = { clock: systemClock, random: systemRandom, logger }
  const storage = new SimulatedDisk({ random: new SeededRandom(1), mode: 'ordered' }).storage()
  const broker = await openBroker(
    { folder: '/data', config: { partitions: 1, groupInitialDelayMs: 0, ...config } },
    { ...world, storage },
  )
  await broker.createTopic('orders', {})
  const opened = await openSecurity({ ...openToAll, ...security }, { ...world, store: broker.security })
  const options = { listen: { host: '127.0.0.1', port: 0 }, advertise: null, tls, limits: {}, quotas: [] }
  const parts = { ...world, broker, transport: nodeTransport(logger) }
  const server = await startKafkaServer(options, opened, parts)
  return {
    broker,
    logger,
    port: server.address.port,
    renewTls: (renewed: ListenTls) => server.renewTls(renewed),
    address: `127.0.0.1:${server.address.port}`,
    requests: (api: string) => server.status().apis.find((one) => one.api === api)?.requests ?? 0,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await broker[Symbol.asyncDispose]()
    },
  }
}
