// What paths of container logs say: their own fields and nothing else, whatever the path and the files beside it are.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dockerLayout } from '../../../agent/containers/docker.ts'
import { kubernetesLayout } from '../../../agent/containers/kubernetes.ts'

const all = { include: [], exclude: [] }
const kubernetes = kubernetesLayout({ namespaces: all, pods: all, containers: all })
const docker = dockerLayout({ containers: all, images: all, labels: ['com.docker.compose.*'] })
const id = 'ab12'.repeat(16)
const uid = '0f4c1a2b-1111-2222-3333-444455556666'

const said = (attributes: readonly (readonly [string, string])[] | undefined) =>
  Object.fromEntries(attributes ?? [])

test.each([
  [
    `/var/log/pods/shop_web-7d9f-x2_${uid}/nginx/3.log`,
    {
      'k8s.namespace.name': 'shop',
      'k8s.pod.name': 'web-7d9f-x2',
      'k8s.pod.uid': uid,
      'k8s.container.name': 'nginx',
      'k8s.container.restart_count': '3',
    },
  ],
  [
    `/var/log/containers/web-7d9f-x2_shop_nginx-${id}.log`,
    {
      'k8s.namespace.name': 'shop',
      'k8s.pod.name': 'web-7d9f-x2',
      'k8s.container.name': 'nginx',
      'container.id': id,
    },
  ],
])('%s', (path, wanted) => {
  expect(said(kubernetes.read(path)?.attributes)).toEqual(wanted)
})

test('rotated files say the same', () => {
  const path = `/var/log/pods/shop_web_${uid}/nginx/0.log`
  expect(kubernetes.read(`${path}.20261121-060000`)).toEqual(kubernetes.read(path))
  expect(kubernetes.read(`${path}.20261121-060000.gz`)).toEqual(kubernetes.read(path))
})

test.each([
  '/var/log/pods/shop_web/nginx/0.log',
  `/var/log/pods/shop_web_${uid}/nginx/x.log`,
  `/var/log/pods/Shop_web_${uid}/nginx/0.log`,
  `/var/log/containers/web_shop_nginx-${id.slice(1)}.log`,
  `/var/lib/docker/containers/${id}/${id.replace('a', 'b')}-json.log`,
  '/var/log/syslog',
  '',
])('%s is none of a container', (path) => {
  expect([kubernetes.read(path), docker.read(path)]).toEqual([null, null])
})

test('any path is read or not, in no time', () => {
  const part = fc.constantFrom('a', '_', '-', '/', '.', '.log', '0', id, uid, 'a'.repeat(300))
  fc.assert(
    fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
      for (const layout of [kubernetes, docker])
        for (const [, value] of layout.read(parts.join(''))?.attributes ?? [])
          expect(value).not.toContain('/')
    }),
  )
})

test('what Docker keeps beside a log: name, image, chosen labels; anything else is none', () => {
  const config = {
    Name: '/shop-web-1',
    Config: {
      Image: 'nginx:1.27',
      Labels: { 'com.docker.compose.service': 'web', other: 'x', 'com.docker.compose.number': 1 },
    },
  }
  expect(said(docker.readMore(JSON.stringify(config)) ?? [])).toEqual({
    'container.name': 'shop-web-1',
    'container.image.name': 'nginx:1.27',
    'container.label.com.docker.compose.service': 'web',
  })
  expect(docker.readMore('{"Name":"/a","Config":{"Labels":{"__proto__":"x"}}}')).toEqual([
    ['container.name', 'a'],
  ])
  for (const text of ['', '{', '[]', 'null', '{"Name":1}', '"x"']) expect(docker.readMore(text)).toBeNull()
  fc.assert(
    fc.property(fc.json(), (text) => {
      docker.readMore(text)
    }),
  )
})
