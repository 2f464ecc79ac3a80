// Real time passes the conformance suite.
import { systemClock } from '../../runtime/clock.ts'
import { clockConformance } from '../conformance/clock.ts'

clockConformance('systemClock', () => ({ clock: systemClock, complete: (promise) => promise }))
