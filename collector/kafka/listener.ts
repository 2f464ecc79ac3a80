// The Kafka listener of a collector: security and server together, and what happens when its port is taken.
import { isCode } from '../../core/errors.ts'
import type { Address, ListenTls, Transport } from '../../core/runtime.ts'
import type { KafkaAbsence, KafkaListenerStatus } from '../broker/kafka-status.ts'
import type { KafkaServices } from './context.ts'
import { openSecurity, type SecurityOptions } from './security.ts'
import { type KafkaOptions, startKafkaServer } from './server.ts'

export interface KafkaListenerOptions extends KafkaOptions {
  readonly security: SecurityOptions
  /** Nobody asked for this port: when it is taken, the collector does without a listener, and says so. */
  readonly optional: boolean
}

/** A listener, or why there is none. Disposing drains it. */
export interface KafkaListener extends AsyncDisposable {
  /** New connections see this certificate. Throws CONFIG_INVALID. */
  renewTls(tls: ListenTls): void
  status(): KafkaListenerStatus | KafkaAbsence
}

/** Starts the listener; null is a listener that is off. Throws PORT_TAKEN unless it is optional, FORBIDDEN, CONFIG_INVALID. */
export async function startKafkaListener(
  options: KafkaListenerOptions | null,
  parts: KafkaServices & { readonly transport: Transport },
): Promise<KafkaListener> {
  if (options === null) return absent(null, 'off')
  const { broker, clock, random } = parts
  const logger = parts.logger.child({ part: 'kafka' })
  const security = await openSecurity(options.security, { store: broker.security, clock, random, logger })
  try {
    return await startKafkaServer(options, security, { ...parts, logger })
  } catch (error) {
    if (!options.optional || !isCode(error, 'PORT_TAKEN')) throw error
    const { host, port } = options.listen
    logger.warn(
      { host, port },
      'the port for Kafka clients is taken: none are served; set collector.kafka.listen, or collector.kafka: off',
    )
    return absent(options.listen, 'port taken')
  }
}

function absent(address: Address | null, reason: KafkaAbsence['reason']): KafkaListener {
  return { renewTls() {}, status: () => ({ address, reason }), async [Symbol.asyncDispose]() {} }
}
