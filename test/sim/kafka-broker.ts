// The broker of the Kafka simulation: production code, joined as the collector joins it, with small segments and a bug or none.
import { openBroker } from '../../collector/broker/broker.ts'
import { openSecurity, type SecurityOptions } from '../../collector/kafka/security.ts'
import { startKafkaServer } from '../../collector/kafka/server.ts'
import type { Runtime } from '../../core/runtime.ts'
import type { Workload } from '../kafka-workload/clients.ts'
import { sessionTimeoutMs } from '../kafka-workload/group-clients.ts'
import { brokenKafkaStorage, type KafkaBug, plantBug } from './kafka-bugs.ts'
import type { Program } from './process.ts'

/** Everybody may do everything, from other machines too. */
const open: SecurityOptions = {
  insecure: true,
  clientAuth: 'none',
  certificatePrincipal: 'subject',
  sasl: null,
  passwords: {},
  authorizer: null,
}

/** Broker and Kafka listener; ends by its signal or by a failed disk. */
export function brokerProgram(workload: Workload, bug: KafkaBug): Program {
  return async (whole, signal) => {
    const runtime: Runtime = { ...whole, storage: brokenKafkaStorage(whole.storage, bug) }
    const { clock, random, logger, transport } = runtime
    const config = {
      ...{ segmentBytes: 8 * 1024, upkeepMs: 700, retentionMs: null, topics: topicsOf(workload) },
      consumerSessionTimeoutMs: sessionTimeoutMs,
    }
    await using broker = await openBroker({ folder: '/data/log', config }, runtime)
    plantBug(broker, bug)
    const security = await openSecurity(open, { store: broker.security, clock, random, logger })
    const { host, port } = workload.address
    const options = {
      listen: { host: '0.0.0.0', port },
      advertise: { host, port },
      tls: null,
      limits: { drainMs: 1_000 },
      quotas: [],
    }
    await using _server = await startKafkaServer(options, security, {
      broker,
      clock,
      random,
      logger,
      transport,
    })
    const stopped = new Promise<null>((resolve) => {
      if (signal.aborted) resolve(null)
      signal.addEventListener('abort', () => resolve(null), { once: true })
    })
    const failure = await Promise.race([broker.failed, stopped])
    if (failure !== null) throw failure
  }
}

function topicsOf({ topics }: Workload): Record<string, { readonly partitions: number }> {
  return Object.fromEntries(Object.entries(topics).map(([name, partitions]) => [name, { partitions }]))
}
