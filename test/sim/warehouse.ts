// A simulated ClickHouse: tables that outlive everybody, tokens with a window, and answers that get lost.
import type { Runtime } from '../../core/runtime.ts'
import { tokenSetting } from '../../sinks/clickhouse/settings.ts'
import { type InsertRequest, type Warehouse, WarehouseError } from '../../sinks/clickhouse/warehouse.ts'
import type { StoredRow } from './ledger.ts'
import type { World } from './world.ts'

/** Tokens that a table remembers: small, so that a run gets past it. */
const windowRows = 50

interface Table {
  readonly rows: StoredRow[]
  readonly tokens: string[]
}

/** The server. It does not crash: what one insert did is all there or not at all. */
export class SimulatedWarehouse {
  /** Probabilities per insert: it never arrived, it arrived and nobody was told, it was refused for now. */
  faults = { lost: 0, answerLost: 0, busy: 0 }
  readonly #world: World
  readonly #tables = new Map<string, Table>()

  constructor(world: World) {
    this.#world = world
  }

  /** All rows of a table, as stored. */
  rows(table: string): readonly StoredRow[] {
    return this.#tables.get(table)?.rows ?? []
  }

  /** The connection of one incarnation: its clock dies with it, an insert under way arrives all the same. */
  view(runtime: Pick<Runtime, 'clock'>): Warehouse {
    const random = this.#world.random('warehouse')
    const never = new AbortController().signal
    const pass = () => runtime.clock.sleep(0.5 + random.next() * 5, never)
    return {
      async command() {
        await pass()
      },
      insert: async (request) => {
        const arrives = 0.5 + random.next() * 20
        const body = request.body.slice()
        const isLost = random.chance(this.faults.lost)
        const isBusy = !isLost && random.chance(this.faults.busy)
        if (!isLost && !isBusy) {
          this.#world.schedule('insert arrives', arrives, () => this.#insert(request, body))
        }
        await runtime.clock.sleep(arrives + 1, never)
        await pass()
        if (isBusy) {
          this.#world.count('insert refused')
          throw new WarehouseError(202, 'Too many simultaneous queries')
        }
        if (isLost || random.chance(this.faults.answerLost)) {
          this.#world.count(isLost ? 'insert lost' : 'answer of an insert lost')
          throw new WarehouseError(null, 'no answer')
        }
      },
      query: async (sql, parameters) => {
        await pass()
        // Which settings it knows: all that are asked for.
        if (sql.includes('system.settings')) return [...sql.matchAll(/'(\w+)'/g)].map(([, name]) => [name])
        const { partition, first, last } = parameters
        const table = [...this.#tables].find(([name]) => sql.includes(name))?.[1]
        const found = (table?.rows ?? []).filter(
          (row) => row.partition === partition && row.offset >= Number(first) && row.offset <= Number(last),
        )
        return found.map((row) => [String(row.offset)])
      },
      async [Symbol.asyncDispose]() {},
    }
  }

  #insert(request: InsertRequest, body: Uint8Array): void {
    const table = this.#tables.get(request.table) ?? { rows: [], tokens: [] }
    this.#tables.set(request.table, table)
    const token = String(request.settings[tokenSetting] ?? '')
    if (table.tokens.includes(token)) {
      this.#world.count('insert deduplicated')
      return
    }
    table.tokens.push(token)
    if (table.tokens.length > windowRows) table.tokens.shift()
    const columns = request.columns ?? []
    for (const line of Buffer.from(body).toString().split('\n')) {
      if (line === '') continue
      const fields = new Map(line.split('\t').map((value, index) => [columns[index], value]))
      table.rows.push({
        partition: Number(fields.get('_partition')),
        offset: Number(fields.get('_offset')),
        line: fields.get('body') ?? '',
      })
    }
  }
}
