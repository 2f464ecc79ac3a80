// Runs clients x cases in a few lanes; each cell is ok, does not apply with a reason, or failed with one.

import type { Broker } from './broker.ts'
import { progress } from './cache.ts'
import type { Case, Client } from './case.ts'

export interface Cell {
  readonly client: string
  readonly case: string
  readonly outcome: 'ok' | 'n.a.' | 'FAIL'
  readonly reason: string
  readonly seconds: number
}

export interface MatrixOptions {
  readonly broker: Broker
  readonly clients: readonly Client[]
  readonly cases: readonly Case[]
  readonly reference: Client
  /** Clients worked on at the same time. */
  readonly lanes: number
}

let names = 0

/** Every cell. A lane takes one client after the other and has a reference client of its own. */
export async function runMatrix(options: MatrixOptions): Promise<Cell[]> {
  const cells: Cell[] = []
  const waiting = [...options.clients]
  const lane = async () => {
    await using reference = options.reference.driver()
    for (let client = waiting.shift(); client !== undefined; client = waiting.shift()) {
      await using driver = client.driver()
      for (const one of options.cases) {
        const name = (what: string) => `interop-${what}-${++names}`
        const cell = await runCell(one, { broker: options.broker, client, driver, reference, name })
        cells.push(cell)
        const why = cell.reason === '' ? '' : `: ${cell.reason.slice(0, 400)}`
        progress(`${cell.outcome.padEnd(4)} ${client.name}, ${one.name} (${cell.seconds.toFixed(1)} s)${why}`)
      }
    }
  }
  await Promise.all(Array.from({ length: options.lanes }, lane))
  return cells
}

function unspoken({ needs }: Case, { speaks = [] }: Client): string | undefined {
  return needs === undefined || speaks.includes(needs) ? undefined : `its driver has no ${needs}`
}

async function runCell(one: Case, world: Parameters<Case['run']>[0]): Promise<Cell> {
  const cell = { client: world.client.name, case: one.name }
  const { client, broker } = world
  const lack = client.lacks[one.name] ?? broker.lacks[one.name]?.[client.name] ?? unspoken(one, client)
  if (lack !== undefined) return { ...cell, outcome: 'n.a.', reason: lack, seconds: 0 }
  const began = performance.now()
  const seconds = () => (performance.now() - began) / 1000
  try {
    await one.run(world)
    return { ...cell, outcome: 'ok', reason: '', seconds: seconds() }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    // Whatever it still does must not meet the next case.
    await world.driver[Symbol.asyncDispose]()
    await world.reference[Symbol.asyncDispose]()
    return { ...cell, outcome: 'FAIL', reason, seconds: seconds() }
  }
}
