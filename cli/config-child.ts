// A child process of `logdrive agent`: reads the configuration and prints it as JSON, so that the agent itself never
// carries the YAML parser and the schema (18 MB that it would need once).

import { answerConfig } from './config-answer.ts'

answerConfig(process.argv[2] ?? '')
