// The package as npm installs it: packed here, unpacked into a folder beside the packages that it declares, and no others.
import { existsSync } from 'node:fs'
import { mkdir, readFile, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { run } from '../interop/commands.ts'

const root = join(import.meta.dirname, '../..')
const modules = join(root, 'node_modules')

/** Installs into an empty folder; returns what `npx logdrive` would run there. Needs npm and tar, and no network. */
export async function installPackage(folder: string): Promise<string> {
  // Node of node_modules first: npm is whatever the machine has.
  const env = { PATH: `${join(modules, '.bin')}:${process.env.PATH}` }
  await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root, env })
  const home = join(folder, 'node_modules/logdrive')
  await mkdir(home, { recursive: true })
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const tarball = join(folder, `logdrive-${manifest.version}.tgz`)
  await run('tar', ['-xzf', tarball, '-C', home, '--strip-components=1'])
  const packed = JSON.parse(await readFile(join(home, 'package.json'), 'utf8'))
  for (const name of Object.keys({ ...packed.dependencies, ...packed.optionalDependencies })) {
    if (!existsSync(join(modules, name))) continue
    const link = join(folder, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true })
    await symlink(join(modules, name), link)
  }
  return join(home, packed.bin.logdrive)
}
