// Agents: who has shipped since the start, from the headers of their requests.
import type { Clock, ServerRequest } from '../../core/runtime.ts'

/** One agent as the collector has seen it. Times in ms since 1970. */
export interface AgentSeen {
  readonly name: string
  readonly address: string
  readonly firstSeenAt: number
  readonly lastSeenAt: number
  readonly batches: number
  readonly bytes: number
  readonly lastTopic: string
}

export interface Agents {
  /** Notes a stored batch. */
  note(request: ServerRequest, client: string, topic: string, bytes: number): void
  /** All agents, the last seen first. */
  list(): readonly AgentSeen[]
}

/** More agents than these: the longest silent one is forgotten. */
const agentsMax = 1_000
const nameLengthMax = 128

/** A register that begins empty at every start: the log knows the sources, this only shows who is there. */
export function createAgents(clock: Clock): Agents {
  // In order of the last batch, the oldest first.
  const seen = new Map<string, AgentSeen>()
  return {
    note(request, client, topic, bytes) {
      const given = request.headers['logdrive-agent']?.slice(0, nameLengthMax)
      const name = given === undefined || given === '' ? client : given
      const id = `${name} ${client}`
      const known = seen.get(id)
      const now = clock.now()
      seen.delete(id)
      seen.set(id, {
        name,
        address: client,
        firstSeenAt: known?.firstSeenAt ?? now,
        lastSeenAt: now,
        batches: (known?.batches ?? 0) + 1,
        bytes: (known?.bytes ?? 0) + bytes,
        lastTopic: topic,
      })
      if (seen.size <= agentsMax) return
      for (const oldest of seen.keys()) {
        seen.delete(oldest)
        break
      }
    },
    list: () => [...seen.values()].reverse(),
  }
}
