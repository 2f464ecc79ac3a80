// Room: memory that is used again and again, for bytes whose number differs a little from time to time.

const stepBytes = 64 * 1024

/** The room when it holds `size` bytes; else a larger one, empty, with some to spare: a little more each time would be a new one each time. */
export function roomFor(size: number, room: Buffer): Buffer {
  if (room.length >= size) return room
  return Buffer.allocUnsafeSlow(Math.ceil((size + size / 8) / stepBytes) * stepBytes)
}
