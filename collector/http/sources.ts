// GET /v1/sources/{source}: where the log stands with a source, for agents that ask at start.
import type { EventLog } from '../../core/event-log.ts'
import { json } from './errors.ts'
import { param, type Route } from './router.ts'

/** The route. An unknown source has no positions; that is no error. */
export function sourceRoutes(log: EventLog): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/sources/{source}',
      access: 'ship',
      about: 'The kept positions of a source, per topic and partition.',
      handle: async (call) => {
        const source = param(call, 'source')
        const positions = log.positions(source).map(({ topic, partition, epoch, to, guard }) => {
          return { topic, partition, epoch, to, guard }
        })
        return json(200, { source, positions })
      },
    },
  ]
}
