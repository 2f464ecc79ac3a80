// The scenarios of rotation, with the real agent.
import { testScenarios } from './as-tests.ts'
import { rotation } from './rotation.ts'

testScenarios(rotation)
