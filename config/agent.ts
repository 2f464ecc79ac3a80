// The shape of the agent: where it ships, and its inputs.
import { z } from 'zod'
import * as fields from './fields.ts'
import { dockerInput, kubernetesInput } from './inputs/containers.ts'
import { execInput } from './inputs/exec.ts'
import { fileInput } from './inputs/file.ts'
import { hostMetricsInput } from './inputs/host-metrics.ts'
import { journaldInput } from './inputs/journald.ts'
import { stdinInput } from './inputs/stdin.ts'
import { syslogInput } from './inputs/syslog.ts'
import { metrics, proxy, requests, tls } from './shipping.ts'
import { unknownType } from './unknown-type.ts'

const builtInputs = ['file', 'host_metrics', 'stdin', 'exec', 'journald', 'syslog', 'docker', 'kubernetes']
const unbuiltInputs = ['http', 'kafka']

/** `agent:`. */
export const agent = z.strictObject({
  collector: z
    .union([fields.url().transform((one) => [one]), z.array(fields.url()).min(1)], {
      error: 'expected a URL or a list of URLs',
    })
    .optional()
    .meta({
      description: 'Where to ship. Default: the collector of this file, else http://127.0.0.1:8750.',
      examples: ['http://127.0.0.1:8750'],
    }),
  key: fields
    .secret()
    .optional()
    .meta({ description: 'A key of the collector that allows `ship`.', examples: [`\${env:FLEET_KEY}`] }),
  state: fields
    .path()
    .prefault('./agent-state')
    .meta({ description: 'Folder for positions and the identity of files. Keep it.' }),
  tls: tls.optional().meta({
    description: 'What the agent shows and believes where agent.collector is an https:// address.',
  }),
  proxy: proxy.optional().meta({
    description:
      'A proxy on the way to the collector. Variables of the environment count only where they are named here.',
    examples: ['http://proxy:3128'],
  }),
  requests: requests.prefault({}).meta({ description: 'Bounds of what is on its way.' }),
  metrics: metrics
    .optional()
    .meta({ description: 'Metrics for Prometheus; without it no port is opened.', examples: [{}] }),
  scan: fields.duration({ min: 100, max: 60_000 }).prefault('1s').meta({
    description:
      'How often it is looked for files at least. Change hints of the system are quicker; many thousand files are looked at less often as long as those miss nothing.',
  }),
  max_open_files: fields.count({ min: 4, max: 100_000 }).prefault(512).meta({
    description:
      'Log files that are open at a time; who needs one more has the one that rested longest closed.',
  }),
  inputs: z
    .record(
      fields.name(),
      z.discriminatedUnion(
        'type',
        [
          fileInput,
          dockerInput,
          kubernetesInput,
          hostMetricsInput,
          stdinInput,
          execInput,
          journaldInput,
          syslogInput,
        ],
        {
          error: (issue) => unknownType(issue, 'input', 'inputs', builtInputs, unbuiltInputs),
        },
      ),
    )
    .meta({ description: 'What is collected, by name.' }),
})
