// Frames: any cut of a stream gives the same frames; lying lengths are refused before anything is allocated.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KafkaError } from '../../protocol/errors.ts'
import { FrameSplitter } from '../../protocol/frames.ts'

function framed(...bodies: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    bodies.flatMap((body) => {
      const head = Buffer.alloc(4)
      head.writeInt32BE(body.length)
      return [head, body]
    }),
  )
}

test('frames come out whole however the stream is cut', () => {
  const cuts = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 100 })
  const bodies = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 })
  fc.assert(
    fc.property(bodies, cuts, (wanted, lengths) => {
      const stream = framed(...wanted)
      const splitter = new FrameSplitter(40)
      const frames: Uint8Array[] = []
      let at = 0
      for (const length of [...lengths, stream.length]) {
        frames.push(...splitter.push(stream.subarray(at, at + length)))
        at += length
      }
      expect(frames.map((frame) => [...frame])).toEqual(wanted.map((body) => [...body]))
      expect(splitter.pendingBytes).toBe(0)
    }),
  )
})

test('a frame inside one chunk is a view of it', () => {
  const chunk = framed(Buffer.from('one'), Buffer.from('two'))
  const frames = new FrameSplitter(10).push(chunk)
  expect(frames.map(String)).toEqual(['one', 'two'])
  expect(frames[0]?.buffer).toBe(chunk.buffer)
})

test('an unfinished frame is counted', () => {
  const splitter = new FrameSplitter(100)
  expect(splitter.push(Buffer.from([0, 0, 0]))).toEqual([])
  expect(splitter.pendingBytes).toBe(3)
  splitter.push(Buffer.from([9, 1, 2]))
  expect(splitter.pendingBytes).toBe(6)
})

test('a length that is negative or too large is refused, also one byte above', () => {
  const head = (size: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(size)
    return bytes
  }
  for (const size of [-1, -0x80000000, 101, 0x7fffffff]) {
    expect(() => new FrameSplitter(100).push(head(size))).toThrow(KafkaError)
  }
  expect(new FrameSplitter(100).push(head(100))).toEqual([])
})
