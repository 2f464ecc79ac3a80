// Cycles between transactions: circles of "wrote before" and "read from", found as strongly connected components.
import type { Anomaly } from './anomalies.ts'
import type { History } from './history.ts'
import type { Logs, PartitionLog } from './partition-log.ts'

/** Where edges lead from each operation; most have none. */
type Graph = (Set<number> | undefined)[]

/** Kafka does not isolate writes: only a circle of reads alone breaks read_committed. */
export function cycleAnomalies(history: History, logs: Logs): readonly Anomaly[] {
  const reads = graphOf(history, logs, { reads: true, writes: false })
  const writes = graphOf(history, logs, { reads: false, writes: true })
  const both = graphOf(history, logs, { reads: true, writes: true })
  return [
    ...circles(reads).map((circle) => ({
      name: 'G1c-wr' as const,
      allowed: false,
      what: tell(circle, history),
    })),
    ...circles(writes).map((circle) => ({ name: 'G0' as const, allowed: true, what: tell(circle, history) })),
    ...circles(both).map((circle) => ({ name: 'G1c' as const, allowed: true, what: tell(circle, history) })),
  ]
}

function tell(circle: readonly number[], history: History): string {
  return circle.map((index) => `${history[index]?.process} (operation ${index})`).join(' -> ')
}

function graphOf(history: History, logs: Logs, edges: { reads: boolean; writes: boolean }): Graph {
  const graph: Graph = new Array(history.length).fill(undefined)
  for (const partition of logs.partitions.values()) {
    if (edges.reads) addReads(partition, graph)
    if (edges.writes) addWrites(partition, logs, graph)
  }
  return graph
}

function addReads(partition: PartitionLog, graph: Graph): void {
  for (const { writer, readers } of partition.values.values()) {
    if (writer === null) continue
    for (const reader of readers) if (reader !== writer) addEdge(graph, writer, reader)
  }
}

function addWrites(partition: PartitionLog, logs: Logs, graph: Graph): void {
  let before: number | null = null
  for (const offset of partition.places.keys()) {
    const [value] = partition.offsets.get(offset) ?? []
    const writer = value === undefined ? null : (partition.values.get(value)?.writer ?? null)
    if (writer === null || logs.committed[writer] !== true) continue
    if (before !== null && before !== writer) addEdge(graph, before, writer)
    before = writer
  }
}

function addEdge(graph: Graph, from: number, to: number): void {
  const edges = graph[from]
  if (edges === undefined) graph[from] = new Set([to])
  else edges.add(to)
}

/** Tarjan's algorithm with a stack of its own: components of more than one operation. */
function circles(graph: Graph): readonly (readonly number[])[] {
  const found: number[][] = []
  const indexes = new Int32Array(graph.length).fill(-1)
  const low = new Int32Array(graph.length)
  const onStack = new Uint8Array(graph.length)
  const stack: number[] = []
  let next = 0
  const enter = (node: number) => {
    indexes[node] = low[node] = next
    next += 1
    stack.push(node)
    onStack[node] = 1
    return { node, edges: (graph[node] ?? new Set<number>()).values() }
  }
  for (let root = 0; root < graph.length; root += 1) {
    if (indexes[root] !== -1 || graph[root] === undefined) continue
    const path = [enter(root)]
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { node } = top
      const edge = top.edges.next()
      if (edge.done !== true) {
        const to = edge.value
        if (indexes[to] === -1) path.push(enter(to))
        else if (onStack[to] === 1) low[node] = Math.min(low[node] ?? 0, indexes[to] ?? 0)
        continue
      }
      path.pop()
      const above = path.at(-1)
      if (above !== undefined) low[above.node] = Math.min(low[above.node] ?? 0, low[node] ?? 0)
      if (low[node] !== indexes[node]) continue
      const circle: number[] = []
      for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
        onStack[member] = 0
        circle.push(member)
        if (member === node) break
      }
      if (circle.length > 1) found.push(circle.reverse())
    }
  }
  return found
}
