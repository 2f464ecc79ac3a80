// The snappy and LZ4 of @platformatic/kafka as peers for ours, without the trap in their WebAssembly.
import { compressionsAlgorithms } from '@platformatic/kafka'

/** The calls that tests need. */
export interface Peer {
  compressSync(bytes: Buffer): Buffer
  decompressSync(bytes: Buffer): Buffer
}

/**
 * Their view of the module's memory is detached once that has grown, and stays so until an input comes that is larger
 * than all before (seen with 0.2.1): such a one is sent, then the call is made again.
 */
export function peer(name: 'snappy' | 'lz4'): Peer {
  const codec = compressionsAlgorithms[name]
  let largest = 128 * 1024
  const again = (work: () => Buffer): Buffer => {
    for (let left = 8; ; left -= 1) {
      try {
        return work()
      } catch (error) {
        if (!(error instanceof TypeError) || !error.message.includes('detached') || left === 0) throw error
        largest *= 2
        try {
          codec.compressSync(Buffer.alloc(largest))
        } catch {
          // Grown once more: the next one is larger still.
        }
      }
    }
  }
  return {
    compressSync: (bytes) => again(() => codec.compressSync(bytes)),
    decompressSync: (bytes) => again(() => codec.decompressSync(bytes)),
  }
}
