// The brokers that the rig can be pointed at.
import { apacheBroker } from './apache-broker.ts'
import type { Broker, BrokerOptions } from './broker.ts'
import { logdriveBroker } from './logdrive-broker.ts'

/** Starts a broker by its name on the command line. */
export function brokerNamed(name: string, options: BrokerOptions = {}): Promise<Broker> {
  if (name === 'apache') return apacheBroker(options)
  if (name === 'logdrive') return logdriveBroker(options)
  throw new Error(`no broker "${name}": logdrive or apache`)
}
