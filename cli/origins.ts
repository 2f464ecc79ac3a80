// From the YAML to what the paths of container logs say; loaded only where there are any.

import type { Origin } from '../agent/containers/origin.ts'
import type { InputConfig } from '../config/schema.ts'

/** Null for files whose paths say nothing. */
export async function originOf(input: InputConfig): Promise<Origin | null> {
  if (input.type !== 'docker' && input.type !== 'kubernetes') return null
  const { Origin } = await import('../agent/containers/origin.ts')
  if (input.type === 'docker') {
    const { dockerLayout } = await import('../agent/containers/docker.ts')
    return new Origin(dockerLayout(input))
  }
  const { kubernetesLayout } = await import('../agent/containers/kubernetes.ts')
  return new Origin(kubernetesLayout(input))
}
