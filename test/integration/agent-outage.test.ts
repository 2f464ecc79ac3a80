// The collector is away for ten seconds while logs are rotated and deleted: what is missing is in the loss ledger, to the byte.
// Needs: Linux (/proc). `node test/agent/outage.ts` is the long one.
import { expect, test } from 'vitest'
import { type OutageOptions, runOutage, violations } from '../agent/outage.ts'

const options: OutageOptions = {
  awaySeconds: 10,
  megabytesPerSecond: 5,
  files: 4,
  // So that more is deleted than the agent may have open.
  rotateSeconds: 1,
  openFilesMax: 6,
  backSeconds: 1,
  retryMsMax: 1000,
}

test.runIf(process.platform === 'linux')(
  'an outage: memory and handles are bounded, and the ledger has exactly what nobody could read',
  async () => {
    const report = await runOutage(options)
    // Ten seconds are all warming up: whether memory stays flat is for the long run.
    expect(violations(report, options).filter((one) => !one.startsWith('memory grew'))).toEqual([])
    expect(report.rssMbMax).toBeLessThan(250)
    // Both happened: some deleted files were kept open and arrived, others could not be.
    expect(report.missingBytes).toBeGreaterThan(0)
    expect(report.missingBytes).toBeLessThan(report.deletedBytes)
  },
  120_000,
)
