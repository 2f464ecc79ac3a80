// Users and ACLs on disk: kept through a crash, refused when they are not what was written, bounded.
import { expect, test } from 'vitest'
import type { Acl } from '../../../../collector/broker/security/acls.ts'
import {
  openSecurityStore,
  type UserCredential,
} from '../../../../collector/broker/security/security-store.ts'
import { SeededRandom } from '../../../sim/random.ts'
import { machine } from '../harness.ts'

const acl: Acl = {
  resourceType: 'TOPIC',
  resourceName: 'orders',
  patternType: 'LITERAL',
  principal: 'User:alice',
  host: '*',
  operation: 'READ',
  permission: 'ALLOW',
}

const user: UserCredential = {
  user: 'älice',
  mechanism: 'SCRAM-SHA-256',
  salt: Uint8Array.of(1, 2, 3),
  iterations: 4096,
  storedKey: Uint8Array.of(4),
  serverKey: Uint8Array.of(5),
}

const open = async ({ disk } = machine(), seed = 1) => {
  const storage = disk.storage()
  await storage.makeDirectory('/data')
  return await openSecurityStore('/data', { storage, random: new SeededRandom(seed) })
}

test('what was changed is there after a crash, and the secret of the folder with it', async () => {
  const own = machine(3, 'hostile')
  const store = await open(own)
  await store.change((state) => ({ ...state, users: [user] }))
  await store.change((state) => ({ ...state, acls: [acl] }))
  own.disk.crash()
  const again = await open(own, 2)
  expect(again.state).toEqual(store.state)
})

test('nothing is written before the first change', async () => {
  const own = machine()
  await open(own)
  expect(await own.disk.storage().list('/data')).toEqual([])
})

test('changes come one after the other, each on the one before', async () => {
  const store = await open()
  const names = ['a', 'b', 'c']
  await Promise.all(
    names.map((name) =>
      store.change((state) => ({ ...state, acls: [...state.acls, { ...acl, resourceName: name }] })),
    ),
  )
  expect(store.state.acls.map((one) => one.resourceName)).toEqual(names)
})

test('a change that throws, or goes past the bound, changes nothing and stops nobody', async () => {
  const store = await open()
  const many = Array.from({ length: 10_001 }, (_, i) => ({ ...acl, resourceName: `t${i}` }))
  await expect(store.change((state) => ({ ...state, acls: many }))).rejects.toMatchObject({
    code: 'REQUEST_INVALID',
  })
  const broken = store.change(() => {
    throw new Error('no')
  })
  await expect(broken).rejects.toThrow('no')
  await store.change((state) => ({ ...state, acls: [acl] }))
  expect(store.state.acls).toEqual([acl])
})

test('a file that is not what was written is refused: to go on without it would open every door', async () => {
  const own = machine()
  const store = await open(own)
  await store.change((state) => ({ ...state, acls: [acl] }))
  const storage = own.disk.storage()
  await using file = await storage.open('/data/security', 'write')
  const bytes = new Uint8Array(file.size)
  await file.read(0, bytes)
  for (const at of [0, 7, 12, 20, bytes.length - 1]) {
    const bad = Uint8Array.from(bytes)
    bad[at] = (bad[at] ?? 0) ^ 1
    await file.write(0, [bad])
    await expect(open(own)).rejects.toMatchObject({
      code: 'STATE_CORRUPT',
      hint: expect.stringContaining('security'),
    })
  }
})
