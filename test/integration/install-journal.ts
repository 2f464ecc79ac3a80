// Finds journalctl and systemd-journal-remote, which writes journals, or installs Debian's.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const journalctl = '/usr/bin/journalctl'
/** Writes a journal of what it reads in the export format. */
export const journalRemote = '/usr/lib/systemd/systemd-journal-remote'

/** Installs what is missing by apt-get where that is possible. Throws a sentence that says what to do. */
export function installJournal(): void {
  const isHere = () => existsSync(journalctl) && existsSync(journalRemote)
  if (isHere()) return
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0)
    throw new Error('no systemd-journal-remote here: install it, or run this as root on Debian')
  const options = { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const
  execFileSync('apt-get', ['update'], options)
  execFileSync(
    'apt-get',
    ['install', '-y', '--no-install-recommends', 'systemd', 'systemd-journal-remote'],
    options,
  )
  if (!isHere()) throw new Error(`apt-get installed them, but ${journalctl} or ${journalRemote} is not there`)
}
