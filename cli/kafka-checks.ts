// What logdrive doctor looks at for Kafka clients: the port of the listener, and how long its certificate holds.

import { defaultKafka } from '../config/defaults.ts'
import type { CollectorConfig, KafkaConfig } from '../config/schema.ts'
import type { Address } from '../core/runtime.ts'
import { apis } from '../protocol/apis/index.ts'
import { decodeResponse, encodeRequest } from '../protocol/message.ts'
import { createLogger } from '../runtime/logger.ts'
import { nodeTransport } from '../runtime/transport.ts'
import { type Check, tryToListen } from './checks.ts'
import { certificateLeftMs, readListenTls } from './listen-tls.ts'
import { humanTime } from './output.ts'

const name = 'Kafka port'
const timeoutMs = 3000
const dayMs = 24 * 60 * 60 * 1000
const certificateMsWarn = 14 * dayMs
const answerBytesMax = 64 * 1024

/** Nothing when it is off. */
export async function checkKafka(
  kafka: CollectorConfig['kafka'],
  signal: AbortSignal,
): Promise<readonly Check[]> {
  if (kafka === 'off') return []
  const listener = kafka ?? defaultKafka()
  return [await checkListener(listener, kafka === undefined, signal), ...checkCertificate(listener)]
}

async function checkListener(
  { listen, tls }: KafkaConfig,
  isDefault: boolean,
  signal: AbortSignal,
): Promise<Check> {
  const shown = `${listen.host}:${listen.port}`
  const trouble = await tryToListen(listen)
  if (trouble === undefined) return { name, result: 'ok', about: `${shown} is free` }
  if (trouble !== 'EADDRINUSE') {
    const fix = 'is this an address of this machine, and a port above 1024?'
    return { name, result: 'fail', about: `cannot listen on ${shown} (${trouble})`, fix }
  }
  // Behind TLS only a client that trusts the certificate could tell who it is.
  if (tls !== undefined)
    return { name, result: 'ok', about: `${shown} is taken, as by a collector that runs` }
  if (await speaksKafka(listen, signal))
    return { name, result: 'ok', about: `a Kafka broker is running on ${shown}` }
  const fix = `stop the other program, or set another port: collector.kafka.listen (ss -ltnp 'sport = :${listen.port}')`
  const about = `${shown} is taken by a program that does not speak Kafka`
  return { name, result: isDefault ? 'warn' : 'fail', about, fix }
}

/** Asks for ApiVersions, which every broker answers to everybody. */
async function speaksKafka(address: Address, signal: AbortSignal): Promise<boolean> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  try {
    await using connection = await nodeTransport(createLogger('silent')).connect(
      address,
      { tls: null },
      limit,
    )
    const end = () => connection.abort()
    limit.addEventListener('abort', end, { once: true })
    const request = { version: 0, correlationId: 1, clientId: 'logdrive-doctor', body: {} }
    await connection.write(encodeRequest(apis.ApiVersions, request))
    const head = Buffer.alloc(4)
    if ((await connection.read(head, 4)) < 4) return false
    const length = head.readInt32BE(0)
    if (length < 0 || length > answerBytesMax) return false
    const answer = Buffer.alloc(length)
    if ((await connection.read(answer, length)) < length) return false
    limit.removeEventListener('abort', end)
    return decodeResponse(apis.ApiVersions, 0, answer).body.apiKeys.length > 0
  } catch (error) {
    if (signal.aborted) throw error
    return false
  }
}

function checkCertificate(kafka: KafkaConfig): readonly Check[] {
  const title = 'Kafka certificate'
  try {
    const tls = readListenTls(kafka.tls, 'collector.kafka.tls')
    if (tls === null) return []
    const leftMs = certificateLeftMs(tls, Date.now())
    const fix = 'renew collector.kafka.tls.cert and start again'
    if (leftMs < 0)
      return [{ name: title, result: 'fail', about: `it ran out ${humanTime(-leftMs)} ago`, fix }]
    const about = `it holds for ${humanTime(leftMs)}`
    return leftMs < certificateMsWarn
      ? [{ name: title, result: 'warn', about, fix }]
      : [{ name: title, result: 'ok', about }]
  } catch (error) {
    const about = error instanceof Error ? error.message : String(error)
    return [
      { name: title, result: 'fail', about, fix: 'see collector.kafka.tls: cert and key are PEM files' },
    ]
  }
}
