// Time zones: a wall clock's time to UTC, by a fixed offset or by the rules of a place.

/** From the ms that a wall clock in the zone would give, were it UTC, to the ms it is. */
export type Zone = (wallMs: number) => number

export const utc: Zone = (wallMs) => wallMs

const offsetPattern = /^([+-])(\d{2}):?(\d{2})$/
/** No place changes its clock more often. */
const stepMs = 900_000

/** The zone of `UTC`, `+02:00` or a name such as `Europe/Berlin`; null for anything else. */
export function zoneOf(name: string): Zone | null {
  if (name === 'UTC' || name === 'Z' || name === 'GMT') return utc
  const match = offsetPattern.exec(name)
  if (match !== null) {
    const minutes = Number(match[2]) * 60 + Number(match[3])
    const offsetMs = (match[1] === '-' ? -minutes : minutes) * 60_000
    return (wallMs) => wallMs - offsetMs
  }
  // An offset in another shape is one to Intl as well; a place has a letter.
  if (!/^[A-Za-z]/.test(name)) return null
  try {
    return placeZone(new Intl.DateTimeFormat('en-US', { ...parts, timeZone: name }))
  } catch {
    return null
  }
}

const parts = {
  calendar: 'iso8601',
  numberingSystem: 'latn',
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: 'numeric',
  second: 'numeric',
} as const

/** Lines in a row are of the same quarter of an hour: its offset is asked for once. */
function placeZone(format: Intl.DateTimeFormat): Zone {
  let lastStep = Number.NaN
  let lastOffsetMs = 0
  return (wallMs) => {
    if (Number.isNaN(wallMs)) return wallMs
    const step = Math.floor(wallMs / stepMs)
    if (step !== lastStep) {
      // The offset of about then, and with it that of then: of an hour that is there twice, the first.
      const nearMs = step * stepMs - offsetAt(format, step * stepMs)
      lastOffsetMs = offsetAt(format, nearMs)
      lastStep = step
    }
    return wallMs - lastOffsetMs
  }
}

function offsetAt(format: Intl.DateTimeFormat, ms: number): number {
  const found = new Map<string, number>(
    format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]),
  )
  const part = (name: string) => found.get(name) ?? 0
  const wallMs = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second'),
  )
  return wallMs - Math.floor(ms / 1000) * 1000
}
