// A request body: unpacked, bounded before it is kept, its beginning readable before the rest has come.
import type { IncomingMessage } from 'node:http'
import { type Duplex, pipeline, type Readable } from 'node:stream'
import { createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { EngineError } from './engine.ts'

export interface Body {
  /** At least `bytesMin` bytes from the start, less only when there is no more. They stay part of `all`. */
  head(bytesMin: number): Promise<Uint8Array>
  /** Everything from `from` on; once. */
  all(from: number): AsyncIterable<Uint8Array>
}

/** Throws EngineError: 307 over `bytesMax` unpacked bytes, 271 for bytes that do not unpack, 48 for another encoding. */
export function readBody(request: IncomingMessage, bytesMax: number): Body {
  const pieces = unpacked(request, bytesMax)[Symbol.asyncIterator]()
  const kept: Uint8Array[] = []
  let keptBytes = 0
  return {
    async head(bytesMin) {
      while (keptBytes < bytesMin) {
        const next = await pieces.next()
        if (next.done) break
        kept.push(next.value)
        keptBytes += next.value.length
      }
      return kept.length === 1 ? (kept[0] as Uint8Array) : Buffer.concat(kept)
    },
    async *all(from) {
      let skip = from
      for (const piece of kept) {
        if (skip < piece.length) yield piece.subarray(skip)
        skip = Math.max(0, skip - piece.length)
      }
      for (let next = await pieces.next(); !next.done; next = await pieces.next()) yield next.value
    },
  }
}

/** All of it in one piece. */
export async function wholeBody(body: Body, bytesMax: number): Promise<Uint8Array> {
  const bytes = await body.head(bytesMax + 1)
  if (bytes.length > bytesMax) throw tooLarge(bytesMax)
  return bytes
}

async function* unpacked(request: IncomingMessage, bytesMax: number): AsyncGenerator<Uint8Array> {
  const encoding = request.headers['content-encoding'] ?? 'identity'
  const unpacker = unpackerOf(encoding)
  // The callback is there because pipeline wants an owner for its error; the iteration below sees the same one.
  const source: Readable = unpacker === null ? request : (pipeline(request, unpacker, () => {}) as Readable)
  let bytes = 0
  try {
    for await (const piece of source as AsyncIterable<Buffer>) {
      bytes += piece.length
      if (bytes > bytesMax) throw tooLarge(bytesMax)
      yield piece
    }
  } catch (error) {
    if (error instanceof EngineError || unpacker === null || request.errored !== null) throw error
    throw new EngineError(271, 'Code: 271. DB::Exception: The body does not unpack. (CANNOT_DECOMPRESS)')
  }
}

function unpackerOf(encoding: string): Duplex | null {
  if (encoding === 'identity' || encoding === '') return null
  if (encoding === 'gzip' || encoding === 'x-gzip') return createGunzip()
  if (encoding === 'deflate') return createInflate()
  if (encoding === 'zstd') return createZstdDecompress()
  const known = 'identity, gzip, deflate and zstd'
  throw new EngineError(48, `Code: 48. DB::Exception: Content-Encoding must be ${known}. (NOT_IMPLEMENTED)`)
}

function tooLarge(bytesMax: number): EngineError {
  return new EngineError(
    307,
    `Code: 307. DB::Exception: The body is over ${bytesMax} bytes. (TOO_MANY_BYTES)`,
  )
}
