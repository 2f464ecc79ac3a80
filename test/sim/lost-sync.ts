// A lost sync: it fails, kill -9 comes before the process ends by itself, a start without a reboot, and then the power goes.
import type { Process } from './process.ts'
import type { SeededRandom } from './random.ts'

/** So many calls of the disk later, at most, a process is killed whose sync has failed. */
const callsMax = 8

/**
 * From here on the page cache shows what the disk does not have, and calls it written. Whoever starts the process again finds it
 * there; `isOver` calls the power cut off, which shows what was trusted.
 */
export function loseSync(process: Process, random: SeededRandom, isOver: () => boolean): void {
  const { disk, world } = process
  let killAt = Number.POSITIVE_INFINITY
  disk.intercept = ({ verb, number }) => {
    if (verb === 'sync' && killAt === Number.POSITIVE_INFINITY) {
      killAt = number + 1 + random.below(callsMax)
      return 'fail'
    }
    if (number < killAt) return 'go'
    disk.intercept = null
    world.count(`${process.name} killed behind a failed sync`)
    process.crash({ power: false })
    return 'go'
  }
  world.schedule('power cut', 500 + random.next() * 4_000, () => {
    if (!isOver()) process.crash({ power: true })
  })
}
