// Stored: how far the collector has the content that a truncation took away, asked before that is counted as lost.
import { LogdriveError } from '../../core/errors.ts'
import type { Clock } from '../../core/runtime.ts'
import type { Uplink } from '../ship/uplink.ts'

/** Counting waits no longer for the collector: what it cannot say now is counted. */
const askMsMax = 2_000

/**
 * The position up to which the collector has this epoch of a source; 0 when it does not know, or is not there. An answer that
 * got lost, or a crash before it was written down, leaves the agent behind what is stored.
 */
export async function storedTo(
  { uplink, clock }: { readonly uplink: Pick<Uplink, 'kept'>; readonly clock: Clock },
  source: string,
  topic: string,
  epoch: number,
): Promise<number> {
  const asking = new AbortController()
  const waited = new AbortController()
  const patience = clock.sleep(askMsMax, waited.signal).then(() => asking.abort())
  try {
    const kept = await uplink.kept(source, topic, asking.signal)
    return kept?.epoch === epoch ? kept.to : 0
  } catch (error) {
    if (asking.signal.aborted || error instanceof LogdriveError) return 0
    throw error
  } finally {
    waited.abort()
    await patience
  }
}
