// The real agent in the scenarios of shipping; needs nothing but a file system and loopback.
import { testScenarios } from './as-tests.ts'
import { shipping } from './shipping.ts'

testScenarios(shipping)
