// Cases about ways in: SASL, TLS, mutual TLS. The right client gets in and out with its bytes, the wrong one does not get in.
import assert from 'node:assert/strict'
import { type Door, doors, type WayIn } from '../broker.ts'
import { assertReads, assertSameSet, type Case, consumeJob, done, produceJob, type World } from '../case.ts'
import type { Driver } from '../driver.ts'
import { lineRecords } from '../samples.ts'

const abouts: Readonly<Record<Door, string>> = {
  'sasl-plain': 'SASL PLAIN; a wrong password is refused',
  'scram-256': 'SASL SCRAM-SHA-256; a wrong password is refused',
  'scram-512': 'SASL SCRAM-SHA-512; a wrong password is refused',
  tls: 'TLS with the certificate checked',
  mtls: 'TLS with a certificate of the client; without one it is refused',
  'sasl-tls': 'SCRAM-SHA-512 over TLS',
}

function doorCase(name: Door): Case {
  return {
    name,
    about: abouts[name],
    async run(world) {
      const way = await world.broker.door(name)
      const topic = world.name(name)
      const { results } = await done(world.reference, {
        op: 'admin',
        ...way,
        steps: [['createTopic', topic, 1, {}]],
      })
      assert.deepEqual(results, ['ok'], 'the reference makes a topic through this door')
      const job = produceJob(world, topic, lineRecords(`through ${name}`, 20), way)
      const { lacks } = world.client
      const { written: sent = job.records } = await done(
        lacks.produce === undefined ? world.driver : world.reference,
        job,
      )
      const { records } = await done(world.reference, consumeJob(world, topic, sent.length, way))
      assertSameSet(records, sent, 'read through the door')
      if (lacks['consume beginning'] === undefined) {
        await assertReads(world, topic, sent, 'read by the client', way)
      }
      const wrong = wrongWay(name, way)
      if (wrong !== null && lacks.produce === undefined) await refused(world, topic, wrong)
    },
  }
}

/** The same door with a wrong password, or without a certificate; null where there is nothing to get wrong. */
function wrongWay(name: Door, way: WayIn): WayIn | null {
  if (name === 'tls') return null
  if (name !== 'mtls') return { ...way, security: { ...way.security, password: 'wrong' } }
  const { protocol, ca } = way.security
  return { ...way, security: { protocol, ...(ca === undefined ? {} : { ca }) } }
}

/** The client is not let in: its job fails, or does not end while the right client's takes a second. */
async function refused(world: World, topic: string, way: WayIn): Promise<void> {
  const intruder: Driver = world.client.driver()
  try {
    const job = intruder.run(produceJob(world, topic, lineRecords('not to be let in', 1), way))
    const outcome = await Promise.race([
      job.finished.then(
        () => 'let in',
        () => 'refused',
      ),
      new Promise<string>((resolve) => setTimeout(resolve, 4000, 'kept out')),
    ])
    assert.notEqual(outcome, 'let in')
  } finally {
    await intruder[Symbol.asyncDispose]()
  }
}

export const doorCases: readonly Case[] = doors.map(doorCase)
