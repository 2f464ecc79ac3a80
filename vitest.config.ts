// All tests. `unit` needs only the sources; `integration` starts real processes: kill -9, ClickHouse, a browser.
import { defineConfig } from 'vitest/config'

const processes = [
  'test/integration/**/*.test.ts',
  'test/tracker/**/*.test.ts',
  'test/sinks/clickhouse/**/*.test.ts',
]

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: processes,
          testTimeout: 60_000,
          pool: 'forks',
          // One less than there are cores otherwise: on two that is one file after the other.
          maxWorkers: '100%',
          // No mocks, no state in modules: nothing to keep apart, and each file need not load everything anew.
          isolate: false,
        },
      },
      {
        test: {
          name: 'integration',
          include: processes,
          globalSetup: ['test/integration/global-setup.ts'],
          testTimeout: 600_000,
          hookTimeout: 180_000,
          pool: 'forks',
          fileParallelism: false,
        },
      },
    ],
  },
})
