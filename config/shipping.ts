// The shape of how an agent ships: requests, and what it shows of itself.
import { z } from 'zod'
import * as fields from './fields.ts'

/** `agent.requests`. */
export const requests = z.strictObject({
  min: fields
    .integer({ min: 1, max: 64 })
    .prefault(1)
    .meta({ description: 'Requests at a time at the least.' }),
  max: fields.integer({ min: 1, max: 64 }).prefault(8).meta({
    description:
      'Requests at a time at the most. Between the two the agent finds out what the collector takes well.',
  }),
  timeout: fields
    .duration({ min: 1000, max: 600_000 })
    .prefault('30s')
    .meta({ description: 'A request without an answer for so long is sent again.' }),
  in_flight: fields
    .size({ min: 4 * 2 ** 20, max: 2 ** 30 })
    .prefault('24MiB')
    .meta({
      description:
        'Bytes of lines in memory: read and not yet acknowledged. When they are full, nothing more is read.',
    }),
  wait_min: fields.duration({ min: 10, max: 60_000 }).prefault('500ms').meta({
    description: 'Before the first repeat at most; doubled each time, and then a random part of it.',
  }),
  wait_max: fields
    .duration({ min: 100, max: 3_600_000 })
    .prefault('30s')
    .meta({ description: 'Between two repeats at most.' }),
})

/** `agent.metrics`. */
export const metrics = z.strictObject({
  listen: fields
    .address()
    .prefault('127.0.0.1:9464')
    .meta({ description: 'Where `GET /metrics` is answered, without any key: keep it on loopback.' }),
  files: fields
    .integer({ min: 0, max: 10_000 })
    .prefault(100)
    .meta({ description: 'Files with series of their own: those with the longest lag.' }),
})
