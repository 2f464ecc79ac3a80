// Logs of containers as the kubelet lays them out:
//   /var/log/pods/<namespace>_<pod>_<uid>/<container>/<restarts>.log
//   /var/log/containers/<pod>_<namespace>_<container>-<id>.log        links to the former
import { chosenBy } from '../host/chosen.ts'
import type { Choice } from '../host/options.ts'
import type { Layout } from './origin.ts'

export interface KubernetesOptions {
  readonly namespaces: Choice
  readonly pods: Choice
  readonly containers: Choice
}

/** Names of Kubernetes: no underscores. A file that was rotated has the time of that behind its name. */
const name = '[a-z0-9](?:[a-z0-9.-]{0,252})'
const inPods = new RegExp(
  `(?:^|/)(${name})_(${name})_([0-9a-zA-Z-]{1,64})/(${name})/(\\d{1,9})\\.log(?:\\.\\d{8}-\\d{6})?(?:\\.gz)?$`,
)
const inContainers = new RegExp(`(?:^|/)(${name})_(${name})_(${name})-([0-9a-f]{64})\\.log$`)

const keys = {
  namespace: 'k8s.namespace.name',
  pod: 'k8s.pod.name',
  uid: 'k8s.pod.uid',
  container: 'k8s.container.name',
  restarts: 'k8s.container.restart_count',
  id: 'container.id',
} as const

/** Everything is in the path. */
export function kubernetesLayout({ namespaces, pods, containers }: KubernetesOptions): Layout {
  const isNamespace = chosenBy(namespaces)
  const isPod = chosenBy(pods)
  const isContainer = chosenBy(containers)
  return {
    needsMore: false,
    read(file) {
      const inPod = inPods.exec(file)
      if (inPod !== null) {
        const [, namespace = '', pod = '', uid = '', container = '', restarts = ''] = inPod
        return place({ namespace, pod, uid, container, restarts })
      }
      const [, pod, namespace, container, id] = inContainers.exec(file) ?? []
      if (pod === undefined || namespace === undefined || container === undefined || id === undefined)
        return null
      return place({ namespace, pod, container, id })
    },
    readMore: () => [],
    chooses: (attributes) =>
      isNamespace(attributes.get(keys.namespace) ?? '') &&
      isPod(attributes.get(keys.pod) ?? '') &&
      isContainer(attributes.get(keys.container) ?? ''),
  }
}

function place(found: Readonly<Partial<Record<keyof typeof keys, string>>>) {
  const attributes = Object.entries(found).map(
    ([key, value]) => [keys[key as keyof typeof keys], value] as const,
  )
  return { more: null, attributes }
}
