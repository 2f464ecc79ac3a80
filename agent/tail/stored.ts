// Stored: how far the collector has the content that a truncation took away, asked before that is counted as lost.
import { LogdriveError } from '../../core/errors.ts'
import type { Clock } from '../../core/runtime.ts'
import type { Kept, Uplink } from '../ship/uplink.ts'

/** Who asks waits no longer for the collector. */
const askMsMax = 2_000

/**
 * The position up to which the collector has this epoch of a source; 0 when it does not know, or is not there. An answer that
 * got lost, or a crash before it was written down, leaves the agent behind what is stored.
 */
export async function storedTo(asked: Asked, source: string, topic: string, epoch: number): Promise<number> {
  const kept = await askKept(asked, source, topic)
  return kept !== 'unknown' && kept?.epoch === epoch ? kept.to : 0
}

interface Asked {
  readonly uplink: Pick<Uplink, 'kept'>
  readonly clock: Clock
}

/** What the collector has of a source, null for nothing; `unknown` when it does not say so soon. */
export async function askKept(
  { uplink, clock }: Asked,
  source: string,
  topic: string,
): Promise<Kept | null | 'unknown'> {
  const asking = new AbortController()
  const waited = new AbortController()
  const patience = clock.sleep(askMsMax, waited.signal).then(() => asking.abort())
  try {
    return await uplink.kept(source, topic, asking.signal)
  } catch (error) {
    if (asking.signal.aborted || error instanceof LogdriveError) return 'unknown'
    throw error
  } finally {
    waited.abort()
    await patience
  }
}
