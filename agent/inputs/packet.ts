// Packet: records of an input that is no file, one behind the other, made once and sent as they are until they arrived.

/** Records `0..count` are `bytes.subarray(ends[i - 1] + 1, ends[i])`: one byte is between them. */
export interface Packet {
  readonly bytes: Uint8Array
  readonly ends: readonly number[]
  readonly count: number
  /** When they were read: wall-clock ms. */
  readonly atMs: number
  /** What tells where to go on behind each record, where the input can begin in its middle; else empty. */
  readonly marks?: readonly string[]
  /** Of records that cannot say it themselves: the transforms that could not be done, by index. */
  readonly transformErrors?: ReadonlyMap<number, string>
}

/** Ranges of bytes that become records, such as parsed lines. */
export interface Ranges {
  readonly bytes: Uint8Array
  readonly starts: Int32Array | readonly number[]
  readonly ends: Int32Array | readonly number[]
  readonly count: number
}

const newline = 10

/** Copies ranges into a packet; at least one. */
export function packetOf({ bytes, starts, ends, count }: Ranges, atMs: number): Packet {
  let length = count - 1
  for (let index = 0; index < count; index += 1) length += (ends[index] as number) - (starts[index] as number)
  const copy = new Uint8Array(length)
  const copyEnds: number[] = []
  let at = 0
  for (let index = 0; index < count; index += 1) {
    const from = starts[index] as number
    const to = ends[index] as number
    if (index > 0) copy[at++] = newline
    copy.set(bytes.subarray(from, to), at)
    at += to - from
    copyEnds.push(at)
  }
  return { bytes: copy, ends: copyEnds, count, atMs }
}

/** Makes one packet of several, in their order; of the time of the first. */
export function joined(packets: readonly Packet[]): Packet {
  const [first] = packets
  if (packets.length === 1 && first !== undefined) return first
  const between = Uint8Array.of(newline)
  const pieces: Uint8Array[] = []
  const ends: number[] = []
  const marks: string[] = []
  const transformErrors = new Map<number, string>()
  let base = 0
  for (const packet of packets) {
    if (base > 0) pieces.push(between)
    pieces.push(packet.bytes)
    for (const [index, reasons] of packet.transformErrors ?? [])
      transformErrors.set(ends.length + index, reasons)
    for (const end of packet.ends) ends.push(base + end)
    for (const mark of packet.marks ?? []) marks.push(mark)
    base += packet.bytes.length + 1
  }
  const atMs = first?.atMs ?? 0
  return { bytes: Buffer.concat(pieces), ends, count: ends.length, atMs, marks, transformErrors }
}
