// Paths find their routes, and nothing else finds anything.
import { expect, test } from 'vitest'
import { allowOf, createRouter, type Method, type Route } from '../../../collector/http/router.ts'

const route = (method: Method, path: string): Route => ({
  method,
  path,
  access: 'public',
  about: '',
  handle: async () => ({ status: 200, headers: {}, body: '' }),
})
const router = createRouter([
  route('GET', '/v1/topics'),
  route('POST', '/v1/topics'),
  route('PATCH', '/v1/topics/{topic}'),
  route('DELETE', '/v1/topics/{topic}'),
  route('POST', '/v1/topics/{topic}/records'),
  route('GET', '/t.js'),
])
const found = (method: string, path: string) => {
  const result = router.find(method, path)
  if (result === null) return null
  return result.route === null ? [...result.methods.keys()] : [result.route.path, ...result.params.values()]
}

test('a path and a method lead to one route with its parameters', () => {
  expect(found('GET', '/v1/topics')).toEqual(['/v1/topics'])
  expect(found('POST', '/v1/topics/clicks/records')).toEqual(['/v1/topics/{topic}/records', 'clicks'])
  expect(found('DELETE', '/v1/topics/a%2Fb')).toEqual(['/v1/topics/{topic}', 'a/b'])
  expect(found('HEAD', '/t.js')).toEqual(['/t.js'])
})

test('another method on a known path names the methods there', () => {
  expect(found('GET', '/v1/topics/clicks')).toEqual(['PATCH', 'DELETE'])
  const result = router.find('PUT', '/v1/topics')
  expect(result?.route === null ? allowOf(result.methods) : '').toBe('GET, POST, HEAD, OPTIONS')
})

test('what nobody declared is not there', () => {
  for (const path of [
    '/',
    '',
    '/v1/topics/',
    '/v1/topics//records',
    '/v1//topics',
    '/V1/topics',
    '/t.js/',
    '/../t.js',
    '/v1/topics/a/records/b',
    '//t.js',
  ]) {
    expect(found('GET', path), path).toBeNull()
  }
})

test('a broken percent escape is the client’s fault', () => {
  expect(() => router.find('DELETE', '/v1/topics/%E0%A4%A')).toThrow('broken percent escape')
})

test('declaring a route twice is a bug', () => {
  expect(() => createRouter([route('GET', '/a'), route('GET', '/a')])).toThrow('there twice')
  expect(() => createRouter([route('GET', '/{a}'), route('GET', '/{a}')])).toThrow('there twice')
})
