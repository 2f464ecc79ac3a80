// The unit, conformance, simulation and tidy tests: everything that needs only npm packages.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/integration/**'],
    testTimeout: 30_000,
    pool: 'forks',
  },
})
