// The real agent in the scenarios of restarts and of its state folder; needs nothing but a file system and loopback.
import { testScenarios } from './as-tests.ts'
import { state } from './state.ts'

testScenarios(state)
