// Scenarios 59 and 60, and what else a collector may do: be busy, hang, be away, be one of several.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { LogdriveError } from '../../../core/errors.ts'
import type { HttpHandler, HttpResponse, Runtime } from '../../../core/runtime.ts'
import { nodeRuntime } from '../../../runtime/node.ts'
import { roomyLimits } from '../../conformance/http.ts'
import { answerJson, type Receiver } from '../receiver.ts'
import { isWithin, type Scenario } from './harness.ts'

const real = nodeRuntime({ level: 'silent' })
const busy = { error: { code: 'OVERLOADED', message: 'busy' } }

/** The world in which the collector does what it is asked, and `spoil` decides what the agent hears of every second batch. */
function spoiled(spoil: (answer: HttpResponse) => HttpResponse) {
  return (runtime: Runtime): Runtime => {
    let batches = 0
    const { http } = runtime
    return {
      ...runtime,
      http: {
        serve: (address, handler, limits) => http.serve(address, handler, limits),
        request: async (request, signal) => {
          const answer = await http.request(request, signal)
          if (request.method !== 'POST') return answer
          batches += 1
          return batches % 2 === 1 ? spoil(answer) : answer
        },
      },
    }
  }
}

function reset(): never {
  throw new LogdriveError('UNAVAILABLE', 'read ECONNRESET')
}

const refusal = (status: number) => (): HttpResponse => {
  return { status, headers: { 'retry-after': '0' }, body: Buffer.from(JSON.stringify(busy)) }
}

/** The collector has committed, and the agent hears something else. */
function unheard(name: string, spoil: (answer: HttpResponse) => HttpResponse): Scenario {
  return {
    number: '59',
    title: `${name} after the collector committed doubles nothing`,
    agent: { world: spoiled(spoil) },
    async run(scene) {
      await scene.start()
      for (let round = 0; round < 5; round += 1) {
        scene.write('a.log', `a ${round}`)
        scene.write('b.log', `b ${round}`, `and b ${round}`)
        await scene.caughtUp()
      }
      await scene.settled()
      assert(await isWithin(10_000, () => scene.agent.receiver.outcomes.duplicate > 0), 'it was sent again')
      assert(await isWithin(10_000, () => scene.agent.status().lagBytes === 0))
    },
  }
}

/** Some lines are never taken, by one way of refusing. */
function poisoned(title: string, poison: (receiver: Receiver) => void): Scenario {
  return {
    number: '60',
    title,
    async run(scene) {
      poison(scene.agent.receiver)
      for (let number = 0; number < 40; number += 1) {
        const isPoison = number % 13 === 5
        scene.append('a.log', `${isPoison ? 'poison' : 'line'} ${number}\n`)
        if (!isPoison) scene.expect(`line ${number}`)
      }
      await scene.start()
      await scene.settled()
      assert(await isWithin(10_000, () => scene.agent.status().lagBytes === 0), 'the position is past them')
      const kept = fs.readFileSync(path.join(scene.agent.stateFolder, 'quarantine.ndjson'), 'utf8')
      const lines = kept
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).line)
      assert.deepEqual(lines, ['poison 5', 'poison 18', 'poison 31'])
      assert.equal(scene.agent.status().losses.quarantined?.times, 3)
      // They are not met again after a restart.
      await scene.stop()
      scene.write('a.log', 'behind')
      await scene.start()
    },
  }
}

export const shipping: readonly Scenario[] = [
  unheard('429', refusal(429)),
  unheard('503', refusal(503)),
  unheard('500', refusal(500)),
  unheard('a connection that was reset', reset),
  poisoned('422: the line at fault is set aside, the rest arrives', (receiver) => {
    receiver.refuses = (line) => line.startsWith('poison')
  }),
  {
    number: '60',
    title: '413: a batch that is too large is halved until it fits',
    async run(scene) {
      scene.agent.receiver.recordsMax = 7
      scene.write('a.log', ...Array.from({ length: 100 }, (_, number) => `line ${number}`))
      await scene.start()
      await scene.settled()
      assert(scene.agent.receiver.outcomes.refused > 0)
      assert.deepEqual(scene.agent.status().losses, {})
    },
  },
  {
    number: '60',
    title: '400 and 403 are for somebody to mend: nothing is set aside, and it goes on by itself',
    async run(scene) {
      const { receiver } = scene.agent
      let refused = 0
      receiver.intercept = ({ method }) => {
        if (method !== 'POST' || refused >= 6) return null
        refused += 1
        return answerJson(refused % 2 === 0 ? 400 : 403, { error: { code: 'FORBIDDEN', message: 'no' } })
      }
      scene.write('a.log', 'one', 'two')
      await scene.start()
      assert(await isWithin(10_000, () => scene.agent.status().uplink.state === 'blocked'))
      await scene.settled()
      assert.equal(refused, 6)
      assert.deepEqual(scene.agent.status().losses, {})
    },
  },
  {
    number: 'shipping',
    title: 'a collector that is busy gets fewer requests at a time, and more again once it is not',
    agent: { limits: { requestsMin: 1, requestsMax: 6 } },
    async run(scene) {
      const { receiver } = scene.agent
      let isBusy = true
      receiver.intercept = ({ method }) => {
        if (method !== 'POST' || !isBusy) return null
        return answerJson(503, busy, { 'retry-after': '0' })
      }
      for (let number = 0; number < 30; number += 1) scene.write(`${number}.log`, `line of ${number}`)
      await scene.start()
      assert(await isWithin(10_000, () => scene.agent.status().uplink.requestsLimit === 1))
      isBusy = false
      for (let round = 0; round < 200 && scene.agent.status().uplink.requestsLimit < 2; round += 1) {
        for (let number = 0; number < 30; number += 1) scene.write(`${number}.log`, `${number} in ${round}`)
        await scene.caughtUp()
      }
      assert(scene.agent.status().uplink.requestsLimit >= 2)
    },
  },
  failover(),
]

/** Two collectors before one log, as those of a cluster; the way to the first is closed for a while. */
function failover(): Scenario {
  const collectors: string[] = []
  let isAway = true
  const world = (runtime: Runtime): Runtime => ({
    ...runtime,
    http: {
      serve: (address, handler, limits) => runtime.http.serve(address, handler, limits),
      request: (request, signal) => {
        const isFirst = request.url.startsWith(String(collectors[0]))
        if (isFirst && isAway) return Promise.reject(new LogdriveError('UNAVAILABLE', 'away'))
        return runtime.http.request(request, signal)
      },
    },
  })
  return {
    number: 'shipping',
    title:
      'with the first collector away the second gets the lines; the first is gone back to when it is ready',
    agent: { limits: { probeMs: 100 }, world, options: { collectors } },
    async run(scene) {
      const { receiver } = scene.agent
      const handler: HttpHandler = async (request) =>
        request.path === '/readyz' ? answerJson(200, {}) : await receiver.handler(request)
      const listen = () => real.http.serve({ host: '127.0.0.1', port: 0 }, handler, roomyLimits)
      await using first = await listen()
      await using second = await listen()
      for (const { address } of [first, second]) collectors.push(`http://127.0.0.1:${address.port}`)
      await scene.begin('a.log', 'one')
      assert.equal(scene.agent.status().uplink.collector, collectors[1])
      isAway = false
      const isBack = () => {
        scene.write('a.log', `more at ${performance.now()}`)
        return scene.agent.status().uplink.isPreferred
      }
      assert(await isWithin(10_000, isBack))
      await scene.settled()
      assert.equal(scene.agent.status().uplink.collector, collectors[0])
      await scene.stop()
    },
  }
}
