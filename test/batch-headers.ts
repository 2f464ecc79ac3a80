// The headers of a request with one batch of a source.
import type { SourceRange } from '../core/event-log.ts'

export function batchHeaders({ source, epoch, from, to }: Omit<SourceRange, 'gap'>): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    'logdrive-source': source,
    'logdrive-epoch': String(epoch),
    'logdrive-from': String(from),
    'logdrive-to': String(to),
  }
}
