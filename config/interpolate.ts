// `${env:NAME}`, `${env:NAME:-default}`, `${file:path}` in a text; `$${` stands for a plain `${`.

const fileBytesMax = 64 * 1024
const resultCharactersMax = 1024 * 1024

/** Where interpolation takes its values from. */
export interface Surroundings {
  /** A variable of the environment, undefined when unset. */
  variable(name: string): string | undefined
  /** The text of a file; throws when it cannot be read. */
  readFile(path: string): string
}

/** A text with everything filled in, and what could not be. */
export interface Interpolated {
  readonly text: string
  /** At least one reference was found, so the text may hold a secret. */
  readonly touched: boolean
  readonly problems: readonly { readonly offset: number; readonly message: string }[]
}

/** Fills in the references of one scalar. Messages name variables and paths, never values. */
export function interpolate(text: string, surroundings: Surroundings): Interpolated {
  const problems: { offset: number; message: string }[] = []
  const pieces: string[] = []
  let touched = false
  let position = 0
  let length = 0
  while (position < text.length) {
    const start = text.indexOf('${', position)
    if (start < 0) break
    if (text[start - 1] === '$' && start > position) {
      pieces.push(text.slice(position, start - 1), '${')
      position = start + 2
      continue
    }
    pieces.push(text.slice(position, start))
    touched = true
    const end = text.indexOf('}', start)
    if (end < 0) {
      problems.push({ offset: start, message: `a "\${" without its "}"; write "$\${" for a plain "\${"` })
      position = text.length
      break
    }
    const found = lookUp(text.slice(start + 2, end), surroundings)
    if ('message' in found) problems.push({ offset: start, message: found.message })
    else pieces.push(found.value)
    length += 'value' in found ? found.value.length : 0
    position = end + 1
    if (length > resultCharactersMax) {
      problems.push({ offset: start, message: 'the text grows over 1 MiB with its references filled in' })
      position = text.length
    }
  }
  pieces.push(text.slice(position))
  return { text: pieces.join(''), touched, problems }
}

type Found = { readonly value: string } | { readonly message: string }

function lookUp(reference: string, surroundings: Surroundings): Found {
  const variable = /^env:([A-Za-z_][A-Za-z0-9_]{0,127})(?::-(.*))?$/s.exec(reference)
  if (variable !== null) {
    const [, name = '', fallback] = variable
    const value = surroundings.variable(name)
    // Empty counts as unset where there is a default, as in a shell.
    if (value !== undefined && (value !== '' || fallback === undefined)) return { value }
    if (fallback !== undefined) return { value: fallback }
    return { message: `the variable ${name} is not set; set it, or write a default: \${env:${name}:-value}` }
  }
  const file = /^file:([^\0]{1,4096})$/s.exec(reference)
  if (file !== null) return fromFile(file[1] ?? '', surroundings)
  return {
    message: `only \${env:NAME}, \${env:NAME:-default} and \${file:path} are filled in; write "$\${" for a plain "\${"`,
  }
}

function fromFile(path: string, surroundings: Surroundings): Found {
  let text: string
  try {
    text = surroundings.readFile(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    return { message: `the file ${JSON.stringify(path)} cannot be read${code}` }
  }
  if (Buffer.byteLength(text) > fileBytesMax)
    return { message: `the file ${JSON.stringify(path)} is over 64 KiB, too big to fill in` }
  return { value: text.replace(/\r?\n$/, '') }
}
