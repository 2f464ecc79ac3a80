// Globs: which paths an input means, and which directories have to be looked into. The only file that knows picomatch.
import path from 'node:path'
import picomatch from 'picomatch'

/** One path of an input, cut at its first wildcard. */
export interface GlobRoot {
  /** The longest beginning without a wildcard: where the walk starts. */
  readonly directory: string
  /** True when a path below `directory` may still lead to a match. */
  leadsOn(directory: string): boolean
  /** True when the path is meant. */
  matches(file: string): boolean
}

/**
 * `dot: true`: hidden files and directories match like all others, because a log that is not read is worse than one
 * that is read. Braces and `**` work; extglobs and regular expressions do not: a path is data.
 */
const options = { dot: true, noextglob: true, nonegate: true } as const

/** Compiles one glob. Without a wildcard it is just that path. */
export function compileGlob(glob: string): GlobRoot {
  const normal = normalize(glob)
  const segments = normal.split('/')
  const wild = segments.findIndex((segment) => /[*?[\]{}]/.test(segment))
  if (wild === -1) {
    return {
      directory: path.dirname(normal),
      leadsOn: () => false,
      matches: (file) => file === normal,
    }
  }
  const directory = segments.slice(0, wild).join('/') || (normal.startsWith('/') ? '/' : '.')
  const isMatch = picomatch(normal, options)
  const patterns = segments.slice(wild)
  // A brace may hold a slash: then the segments say nothing, and every directory is looked into.
  const deep = patterns.some((segment) => count(segment, '{') !== count(segment, '}'))
  const parts = deep ? [] : patterns.map((segment) => (segment === '**' ? null : picomatch(segment, options)))
  return {
    directory,
    leadsOn: (found) => deep || walkMatches(parts, relativeTo(directory, found)),
    matches: (file) => isMatch(file),
  }
}

/** Compiles what is left out: globs of whole paths, or of names where they have no slash. */
export function compileExclude(globs: readonly string[]): (file: string) => boolean {
  const names = globs.filter((glob) => !glob.includes('/')).map((glob) => picomatch(glob, options))
  const paths = globs.filter((glob) => glob.includes('/')).map((glob) => picomatch(normalize(glob), options))
  return (file) => {
    const name = path.basename(file)
    return names.some((matches) => matches(name)) || paths.some((matches) => matches(file))
  }
}

/** True when directories named so can hold, or lead to, what the rest of the pattern means. */
function walkMatches(
  parts: readonly (((name: string) => boolean) | null)[],
  names: readonly string[],
): boolean {
  for (const [index, name] of names.entries()) {
    const part = parts[index]
    if (part === null) return true
    // The last part is for files.
    if (part === undefined || index + 1 >= parts.length || !part(name)) return false
  }
  return true
}

function relativeTo(directory: string, found: string): string[] {
  const skipped = directory === '.' ? 0 : directory === '/' ? 1 : directory.length + 1
  return found.slice(skipped).split('/')
}

function normalize(glob: string): string {
  // A slash at the end means nothing here: only files are tailed.
  return path
    .normalize(glob)
    .replace(/^\.\//, '')
    .replace(/(.)\/$/, '$1')
}

function count(text: string, letter: string): number {
  return text.split(letter).length - 1
}
