// This machine as a throw-away copy: an overlay over its root that keeps what is changed until it is disposed. Needs root.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { outcomeOf } from '../interop/commands.ts'
import { temporaryFolder } from './processes.ts'

/** Runs "$@" in the copy, in a name space of its own: nothing is left mounted, however it ends. */
const enter = `#!/bin/sh
set -e
root=$(dirname "$0")
mount -t overlay overlay -o "lowerdir=/,upperdir=$root/upper,workdir=$root/work" "$root/merged"
mount -t proc proc "$root/merged/proc"
mount --bind /dev "$root/merged/dev"
mount -t tmpfs tmpfs "$root/merged/run"
mkdir -p "$root/merged/shared"
mount --bind "$root/shared" "$root/merged/shared"
exec chroot "$root/merged" "$@"
`

export interface Machine extends AsyncDisposable {
  /** Is /shared in the copy. */
  readonly shared: string
  /** The words before a command that make it run there. */
  readonly before: readonly string[]
  /** Runs a command there, one at a time; rejects when it fails. */
  run(...words: readonly string[]): Promise<string>
}

/** Null where this process may not mount. */
export async function copyOfMachine(): Promise<Machine | null> {
  const temporary = await temporaryFolder()
  const folder = temporary.path
  for (const name of ['upper', 'work', 'merged', 'shared']) mkdirSync(join(folder, name))
  const script = join(folder, 'enter')
  writeFileSync(script, enter, { mode: 0o755 })
  const before = ['unshare', '--mount', script]
  if (spawnSync('unshare', ['--mount', script, 'true']).status !== 0) {
    await temporary[Symbol.asyncDispose]()
    return null
  }
  return {
    shared: join(folder, 'shared'),
    before,
    async run(...words) {
      const { code, stdout, stderr } = await outcomeOf('unshare', [...before.slice(1), ...words])
      if (code !== 0) throw new Error(`${words.join(' ')} failed (${code}): ${stdout}${stderr}`)
      return stdout.toString()
    },
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  }
}
