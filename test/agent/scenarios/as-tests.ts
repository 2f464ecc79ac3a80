// Scenarios as tests of the real agent, each under its number and title.
import { test } from 'vitest'
import { expectAll, openScene } from './agent-reader.ts'
import type { Scenario } from './harness.ts'

/** Declares a test for each. */
export function testScenarios(scenarios: readonly Scenario[]): void {
  for (const scenario of scenarios) {
    test(`${scenario.number}: ${scenario.title}`, async () => {
      await using scene = await openScene(scenario.agent)
      await scenario.run(scene)
      await expectAll(scene, scenario.destroys)
    })
  }
}
