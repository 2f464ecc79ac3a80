// The folder lock, between real processes.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { lockFolder } from '../../runtime/lock.ts'

const root = path.resolve(import.meta.dirname, '../..')
const children: ChildProcess[] = []
const folders: string[] = []

function folder(): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'logdrive-lock-'))
  folders.push(made)
  return made
}

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  for (const made of folders.splice(0)) fs.rmSync(made, { recursive: true, force: true })
})

/** A process that locks the folder and stays; gives its pid and what it said on stderr by then. */
async function locker(target: string) {
  const script = `
    import { lockFolder } from ${JSON.stringify(`${root}/runtime/lock.ts`)}
    await lockFolder(${JSON.stringify(target)})
    console.log('locked')
    setInterval(() => globalThis.gc?.(), 10)`
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', script])
  children.push(child)
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  await once(child.stdout, 'data')
  return { child, stderr: () => stderr }
}

test('a second process is told who holds the folder and what to do', async () => {
  const target = folder()
  const { child, stderr } = await locker(target)
  await expect(lockFolder(target)).rejects.toMatchObject({
    code: 'DATA_LOCKED',
    message: `${target} is in use by process ${child.pid} on ${os.hostname()}`,
    hint: expect.stringContaining('Stop that process'),
  })
  expect(stderr()).toBe('')
})

test('kill -9 releases it', async () => {
  const target = folder()
  const { child } = await locker(target)
  child.kill('SIGKILL')
  await once(child, 'exit')
  await using _lock = await lockFolder(target)
})

test('the same process cannot take it twice; disposal gives it back', async () => {
  const target = path.join(folder(), 'made/on/the/way')
  {
    await using _lock = await lockFolder(target)
    await expect(lockFolder(target)).rejects.toMatchObject({ code: 'DATA_LOCKED' })
    await expect(lockFolder(target)).rejects.toMatchObject({ code: 'DATA_LOCKED' })
  }
  await using _again = await lockFolder(target)
})

test('a refused attempt leaves the owner’s lock alone', async () => {
  const target = folder()
  await using _lock = await lockFolder(target)
  await expect(lockFolder(target)).rejects.toMatchObject({ code: 'DATA_LOCKED' })
  const script = `
    import { lockFolder } from ${JSON.stringify(`${root}/runtime/lock.ts`)}
    await lockFolder(${JSON.stringify(target)}).catch((error) => console.log(error.code))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script])
  children.push(child)
  const [said] = await once(child.stdout, 'data')
  expect(String(said).trim()).toBe('DATA_LOCKED')
})

test('a folder that cannot be made is FORBIDDEN', async () => {
  const file = path.join(folder(), 'file')
  fs.writeFileSync(file, '')
  await expect(lockFolder(`${file}/below`)).rejects.toMatchObject({ code: 'FORBIDDEN' })
})
