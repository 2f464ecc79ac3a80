// The shapes of the inputs docker and kubernetes: files, with where container runtimes put them and what their paths say.
import { z } from 'zod'
import * as fields from '../fields.ts'
import { inside } from '../parse.ts'
import { choice } from './choice.ts'
import { fileInput } from './file.ts'

const fileKeys = fileInput.omit({ type: true, paths: true, parse: true, encoding: true, delete: true }).shape

const parse = inside.optional().meta({
  description:
    'How the messages inside are parsed; the envelope of the runtime always is. See [parsing.md](parsing.md).',
  examples: ['json'],
})

const paths = (usual: string, description: string) =>
  z
    .array(fields.path())
    .min(1, { error: 'at least one path' })
    .prefault([usual])
    .meta({ description, examples: [[usual]] })

/** `type: docker`. */
export const dockerInput = z.strictObject({
  type: z
    .literal('docker')
    .meta({ description: "Logs of Docker's json-file driver, with container, image and labels." }),
  paths: paths('/var/lib/docker/containers/*/*-json.log', 'Where Docker keeps them.'),
  containers: choice('containers').prefault({}).meta({ description: 'Which containers, by name.' }),
  images: choice('images').prefault({}).meta({ description: 'Of which images.' }),
  labels: z
    .array(z.string().min(1, { error: 'expected the name or a glob of labels' }))
    .prefault(['com.docker.compose.project', 'com.docker.compose.service'])
    .meta({ description: 'Globs of the labels that become fields, `container.label.<label>`.' }),
  ...fileKeys,
  parse,
})

/** `type: kubernetes`. */
export const kubernetesInput = z.strictObject({
  type: z
    .literal('kubernetes')
    .meta({ description: 'Logs of the containers of a node, with namespace, pod and container.' }),
  paths: paths(
    '/var/log/pods/*/*/*.log',
    'Where the kubelet keeps them; `/var/log/containers/*.log` works too.',
  ),
  format: z
    .enum(['cri', 'docker'])
    .prefault('cri')
    .meta({ description: 'What writes them: `cri` (containerd, CRI-O) or `docker`.' }),
  namespaces: choice('namespaces').prefault({}).meta({ description: 'Which namespaces.' }),
  pods: choice('pods').prefault({}).meta({ description: 'Which pods.' }),
  containers: choice('containers').prefault({}).meta({ description: 'Which containers.' }),
  ...fileKeys,
  parse,
})
