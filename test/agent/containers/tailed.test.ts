// Container logs through the whole agent, in the simulated world: each line once, with where it comes from, through rotation.
import { expect, test } from 'vitest'
import { dockerLayout } from '../../../agent/containers/docker.ts'
import { kubernetesLayout } from '../../../agent/containers/kubernetes.ts'
import { Origin } from '../../../agent/containers/origin.ts'
import { logsInput, stage } from '../simulated.ts'

const all = { include: [], exclude: [] }
const uid = '0f4c1a2b-1111-2222-3333-444455556666'
const cri = (message: string, stream = 'stdout', tag = 'F') =>
  `2026-11-21T06:00:00.1Z ${stream} ${tag} ${message}\n`

function folders(on: ReturnType<typeof stage>, ...paths: string[]) {
  for (const path of paths) on.files.makeDirectory(path)
}

test('Kubernetes: namespace, pod and container of each line; what is left out is not opened', async () => {
  const on = stage(1)
  const pods = ['shop_web-1', 'kube-system_dns-1', 'shop_db-1'].map((name) => `/var/log/pods/${name}_${uid}`)
  folders(on, ...pods.map((pod) => `${pod}/main`))
  for (const pod of pods) on.files.append(`${pod}/main/0.log`, cri(`of ${pod.slice(14, 20)}`))
  const layout = kubernetesLayout({
    namespaces: { include: [], exclude: ['kube-*'] },
    pods: { include: ['web-*'], exclude: [] },
    containers: all,
  })
  const input = {
    ...logsInput,
    paths: ['/var/log/pods/*/*/*.log'],
    parse: { type: 'cri' as const },
    origin: new Origin(layout),
  }
  on.startAgent({ inputs: [input] })
  await on.arrived(1)
  const log = `${pods[0]}/main/0.log`
  on.files.rename(log, `${log}.20261121-060000`)
  on.files.append(`${log}.20261121-060000`, cri('before'))
  on.files.append(log, cri('{"a":1}', 'stderr'))
  await on.arrived(3)
  await on.world.runFor(5000)
  const records = on.receiver.texts.map((text) => JSON.parse(text))
  expect(records.map(({ body }) => body).toSorted()).toEqual(['before', 'of shop_w', '{"a":1}'].toSorted())
  for (const { attrs_string } of records)
    expect(attrs_string).toMatchObject({
      'k8s.namespace.name': 'shop',
      'k8s.pod.name': 'web-1',
      'k8s.pod.uid': uid,
      'k8s.container.name': 'main',
      'k8s.container.restart_count': '0',
    })
})

test('Docker: what its configuration says, once it can be read; without it the id', async () => {
  const on = stage(2)
  const [named = '', unnamed = '', other = ''] = ['a', 'b', 'c'].map((letter) => letter.repeat(64))
  const folder = (id: string) => `/var/lib/docker/containers/${id}`
  folders(on, folder(named), folder(unnamed), folder(other))
  const line = (log: string) =>
    `${JSON.stringify({ log: `${log}\n`, stream: 'stdout', time: '2026-11-21T06:00:00Z' })}\n`
  on.files.append(`${folder(named)}/config.v2.json`, '{"Name":"/web","Config":{"Image":"nginx:1"}}')
  for (const id of [named, unnamed]) on.files.append(`${folder(id)}/${id}-json.log`, line(`of ${id[0]}`))
  const input = (containers: typeof all) => ({
    ...logsInput,
    paths: ['/var/lib/docker/containers/*/*-json.log'],
    parse: { type: 'docker' as const },
    origin: new Origin(dockerLayout({ containers, images: all, labels: [] })),
  })
  on.startAgent({ inputs: [input(all)] })
  await on.arrived(2)
  const records = on.receiver.texts
    .map((text) => JSON.parse(text))
    .toSorted((a, b) => a.body.localeCompare(b.body))
  expect(records).toMatchObject([
    {
      body: 'of a',
      attrs_string: { 'container.id': named, 'container.name': 'web', 'container.image.name': 'nginx:1' },
    },
    { body: 'of b', attrs_string: { 'container.id': unnamed } },
  ])
})

test('Docker: a container that is chosen by its name is read when the name is known', async () => {
  const on = stage(3)
  const id = 'd'.repeat(64)
  const folder = `/var/lib/docker/containers/${id}`
  folders(on, folder)
  on.files.append(
    `${folder}/${id}-json.log`,
    '{"log":"x\\n","stream":"stdout","time":"2026-11-21T06:00:00Z"}\n',
  )
  const containers = { include: ['web'], exclude: [] }
  const input = {
    ...logsInput,
    paths: ['/var/lib/docker/containers/*/*-json.log'],
    parse: { type: 'docker' as const },
    origin: new Origin(dockerLayout({ containers, images: all, labels: [] })),
  }
  on.startAgent({ inputs: [input] })
  await on.world.runFor(10_000)
  expect(on.receiver.texts).toEqual([])
  on.files.append(`${folder}/config.v2.json`, '{"Name":"/web"}')
  await on.arrived(1)
  expect(JSON.parse(on.receiver.texts[0] as string).attrs_string['container.name']).toBe('web')
})
