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
