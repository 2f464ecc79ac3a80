// Which devices, mounts and the like are measured: globs of what is meant and of what is left out.
import { compileExclude } from '../tail/globs.ts'
import type { Choice } from './options.ts'

/** True for what is meant. */
export type Chosen = (name: string) => boolean

/** Nothing included means everything. */
export function chosenBy({ include, exclude }: Choice): Chosen {
  const isIncluded = include.length === 0 ? () => true : compileExclude(include)
  const isExcluded = compileExclude(exclude)
  return (name) => isIncluded(name) && !isExcluded(name)
}
