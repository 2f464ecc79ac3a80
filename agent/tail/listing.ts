// Listing: what a directory holds, in the order in which it is walked, with one letter for the kind of each name.
import { LogdriveError } from '../../core/errors.ts'
import type { DirectoryEntry, Files } from '../../core/runtime.ts'

export interface Listing {
  readonly names: readonly string[]
  /** A letter for each name. */
  readonly kinds: string
}

export const emptyListing: Listing = { names: [], kinds: '' }

const letters = { file: 'f', directory: 'd', link: 'l', other: 'o' } as const
const kinds: Readonly<Record<string, DirectoryEntry['kind']>> = {
  f: 'file',
  d: 'directory',
  l: 'link',
  o: 'other',
}

/** What is in a directory now, or why that is not to be had. */
export async function readListing(files: Files, directory: string): Promise<Listing | LogdriveError> {
  try {
    // Sorted, and links last: a file is known by its real name rather than by a link to it.
    const entries = [...(await files.list(directory))].sort(byKindAndName)
    return {
      names: entries.map(({ name }) => name),
      kinds: entries.map(({ kind }) => letters[kind]).join(''),
    }
  } catch (error) {
    if (error instanceof LogdriveError) return error
    throw error
  }
}

export function* entriesOf(listing: Listing): Generator<DirectoryEntry> {
  for (const [index, name] of listing.names.entries())
    yield { name, kind: kinds[listing.kinds.charAt(index)] ?? 'other' }
}

export function isSameListing(one: Listing, other: Listing): boolean {
  if (one.kinds !== other.kinds) return false
  return one.names.every((name, index) => name === other.names[index])
}

function byKindAndName(a: DirectoryEntry, b: DirectoryEntry): number {
  const links = Number(a.kind === 'link') - Number(b.kind === 'link')
  return links !== 0 ? links : a.name < b.name ? -1 : 1
}
