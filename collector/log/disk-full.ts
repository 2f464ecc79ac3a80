// A full disk: what a writer is told, and when it should come back.
import { LogdriveError } from '../../core/errors.ts'

/** How long a writer may wait before it tries a full disk again. */
const diskFullRetryMs = 1_000

/** DISK_FULL with a Retry-After: nothing was stored, and nothing is wrong with what is there. */
export function diskFull(cause: unknown): LogdriveError {
  return new LogdriveError('DISK_FULL', 'the disk is full: nothing was stored', {
    cause,
    hint: 'Free space or shorten the retention; writing resumes by itself.',
    details: { retryAfterMs: diskFullRetryMs },
  })
}
