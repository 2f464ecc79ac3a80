// Mutations of frames: what a broken client, a bad network or somebody with bad intentions makes of them.

/** Whole numbers below a bound, from a seed. */
export type Draw = (below: number) => number

/** A small generator (xorshift32): fast, and the same for a seed everywhere. */
export function drawFrom(seed: number): Draw {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

/** One way to change a frame; the frame itself stays as it is. */
export type Mutation = (frame: Buffer, draw: Draw, others: readonly Buffer[]) => Buffer

const lies = [0, 1, -1, -2, 0x7f, 0x80, 0xff, 0x7fff, -0x8000, 0xffff, 0x7fffffff, -0x80000000, 0x01000000]
const endless = Buffer.from('ffffffffffffffffff7f', 'hex')

/** All of them by name. */
export const mutations: Readonly<Record<string, Mutation>> = {
  none: (frame) => frame,
  bitFlips: (frame, draw) => {
    const copy = Buffer.from(frame)
    for (let flips = 1 + draw(4); flips > 0 && copy.length > 0; flips--) {
      const at = draw(copy.length)
      copy[at] = (copy[at] ?? 0) ^ (1 << draw(8))
    }
    return copy
  },
  lie: (frame, draw) => {
    const width = [1, 2, 4, 8][draw(4)] ?? 4
    if (frame.length < width) return frame
    const copy = Buffer.from(frame)
    const at = draw(copy.length - width + 1)
    const value = lies[draw(lies.length)] ?? 0
    if (width === 1) copy[at] = value
    else if (width === 2) copy.writeInt16BE((value << 16) >> 16, at)
    else if (width === 4) copy.writeInt32BE(value | 0, at)
    else copy.writeBigInt64BE(BigInt(value) << BigInt(draw(33)), at)
    return copy
  },
  endlessVarint: (frame, draw) => {
    const at = draw(frame.length + 1)
    return Buffer.concat([
      frame.subarray(0, at),
      endless.subarray(0, 1 + draw(10)),
      frame.subarray(at + draw(3)),
    ])
  },
  cut: (frame, draw) => frame.subarray(0, draw(frame.length + 1)),
  repeat: (frame, draw) => {
    const from = draw(frame.length + 1)
    const to = from + draw(Math.min(64, frame.length - from) + 1)
    const part = frame.subarray(from, to)
    return Buffer.concat([
      frame.subarray(0, to),
      ...Array.from({ length: 1 + draw(20) }, () => part),
      frame.subarray(to),
    ])
  },
  splice: (frame, draw, others) => {
    const other = others[draw(others.length)] ?? frame
    return Buffer.concat([frame.subarray(0, draw(frame.length + 1)), other.subarray(draw(other.length + 1))])
  },
  /** The body of one version behind the header of another. */
  version: (frame, draw) => {
    const copy = Buffer.from(frame)
    if (copy.length >= 4) copy.writeInt16BE(draw(18), 2)
    return copy
  },
}
