// From the options of an input to its framing. Loaded only where an input asks for more than lines of UTF-8.
import { LogdriveError } from '../../core/errors.ts'
import { type LineCode, utf8Code } from '../tail/lines.ts'
import { containerJoiner, containerTexts } from './containers.ts'
import { criEnvelope, dockerEnvelope } from './envelopes.ts'
import type { Frame, Framing, Grouper } from './framing.ts'
import { grouper, type Joiner } from './groups.ts'
import { type FramingOptions, type MultilineOptions, partsBytesMax, partsMax } from './options.ts'
import { patternJoiner, type TextJoiner } from './patterns.ts'
import { presetJoiner } from './presets.ts'
import { type Decode, decodedTexts, decoder, groupTexts, utf8Text } from './texts.ts'
import { wideCode } from './wide.ts'

/** Parts of a container's message that waited so long are sent as they are. */
const partsWaitMs = 5000
const bigEndianMark = 0xfe

/** Compiles; throws CONFIG_INVALID with `details.path`, the key at fault of `multiline`. */
export function compileFraming(options: FramingOptions): Framing {
  const { encoding } = options
  if (encoding !== 'utf-16') {
    const frame = frameOf(encoding, options)
    return { grouper: frame.grouper, markBytes: 0, frame: () => frame }
  }
  const little = frameOf('utf-16le', options)
  const big = frameOf('utf-16be', options)
  return {
    grouper: little.grouper,
    markBytes: 2,
    frame: ([first, second]) => (first === bigEndianMark && second === 0xff ? big : little),
  }
}

function frameOf(encoding: string, { multiline, container }: FramingOptions): Frame {
  const code = codeOf(encoding)
  if (container !== null) {
    const envelope = container === 'cri' ? criEnvelope : dockerEnvelope
    const joiner = containerJoiner(envelope, multiline === null ? null : textJoiner(multiline))
    const limits = multiline ?? { linesMax: partsMax, bytesMax: partsBytesMax, waitMs: partsWaitMs }
    return { code, grouper: grouper(joiner, limits), texts: containerTexts(envelope, multiline !== null) }
  }
  const isUtf8 = encoding === 'utf-8'
  const groups = multiline === null ? null : groupsOf(multiline, isUtf8 ? utf8Text : decoder(encoding))
  if (!isUtf8) return { code, grouper: groups, texts: decodedTexts(encoding, groups !== null) }
  return { code, grouper: groups, texts: groups === null ? null : groupTexts() }
}

/** In all others that `TextDecoder` knows, no character has the byte of a line end behind its first. */
function codeOf(encoding: string): LineCode {
  switch (encoding) {
    case 'utf-8':
      return utf8Code
    case 'utf-16le':
      return wideCode(false)
    case 'utf-16be':
      return wideCode(true)
    default:
      return { ...utf8Code, mark: new Uint8Array(0), cut: (_bytes, _from, limit) => limit }
  }
}

function groupsOf(multiline: MultilineOptions, decode: Decode): Grouper {
  const texts = textJoiner(multiline)
  const joiner: Joiner = {
    begin: (bytes, from, to) => texts.begin(decode(bytes, from, to)),
    next: (bytes, from, to) => texts.next(decode(bytes, from, to)),
  }
  return grouper(joiner, multiline)
}

function textJoiner({ by }: MultilineOptions): TextJoiner {
  if (Array.isArray(by)) return presetJoiner(by)
  try {
    return patternJoiner(by as Exclude<MultilineOptions['by'], readonly unknown[]>)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    throw new LogdriveError('CONFIG_INVALID', error.message, { details: { path: [error.cause] } })
  }
}
