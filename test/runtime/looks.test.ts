// Looks at many files at once. Needs a real file system.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { Looks } from '../../runtime/looks.ts'

test('a thousand looks at once, in two directories and in turn, give the facts of each file; null where there is none', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'logdrive-looks-'))
  try {
    const files = Array.from({ length: 1000 }, (_, n) => path.join(folder, n % 3 === 0 ? 'a' : 'b', `${n}`))
    for (const directory of ['a', 'b']) fs.mkdirSync(path.join(folder, directory))
    for (const [n, file] of files.entries()) if (n % 7 !== 0) fs.writeFileSync(file, 'x'.repeat(n))
    const looks = new Looks()
    for (let round = 0; round < 3; round += 1) {
      const sizes = (await Promise.all(files.map((file) => looks.stat(file)))).map(
        (stat) => stat?.size ?? null,
      )
      expect(sizes).toEqual(files.map((_, n) => (n % 7 === 0 ? null : BigInt(n))))
    }
    fs.symlinkSync('loop', path.join(folder, 'a', 'loop'))
    await expect(looks.stat(path.join(folder, 'a', 'loop'))).rejects.toThrow('ELOOP')
    await expect(looks.stat(path.join(folder, 'a', 'loop'))).rejects.toThrow('ELOOP')
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
})
