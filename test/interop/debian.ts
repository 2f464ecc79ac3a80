// Debian packages that the interop rig needs, installed by apt-get where it may, else asked for.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { progress } from './cache.ts'
import { run } from './commands.ts'

/** Installs the packages that are missing. Throws a sentence that says what to do where that cannot be done here. */
export async function debianPackages(names: readonly string[]): Promise<void> {
  const missing = names.filter((name) => versionOf(name) === null)
  if (missing.length === 0) return
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    throw new Error(`install ${missing.join(', ')} first: only root on Debian lets this rig do it`)
  }
  progress(`apt-get install ${missing.join(' ')}`)
  await updated()
  await run('apt-get', ['install', '-y', '--no-install-recommends', ...missing], { env: quiet })
}

/** Packages unpacked into a folder and not installed: for those that Debian does not let stand side by side. */
export async function unpackedPackages(names: readonly string[], folder: string): Promise<void> {
  await updated()
  await run('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', ...names], { cwd: folder })
  await run('sh', ['-c', 'for deb in *.deb; do dpkg -x "$deb" . || exit 1; done; rm -f *.deb'], {
    cwd: folder,
  })
}

/** The installed version of a package, null when it is not installed. */
export function versionOf(name: string): string | null {
  let text = ''
  try {
    text = execFileSync('dpkg', ['-s', name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return null
  }
  if (!text.includes('Status: install ok installed')) return null
  return /^Version: (.*)$/m.exec(text)?.[1] ?? null
}

const quiet = { DEBIAN_FRONTEND: 'noninteractive' }
let update: Promise<unknown> | undefined

function updated(): Promise<unknown> {
  update ??= run('apt-get', ['update', '-qq'], { env: quiet })
  return update
}
