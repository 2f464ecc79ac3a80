// Logs of Docker's json-file driver: <folder>/<container id>/<container id>-json.log, and config.v2.json beside it.
import path from 'node:path'
import { chosenBy } from '../host/chosen.ts'
import type { Choice } from '../host/options.ts'
import type { Layout } from './origin.ts'

export interface DockerOptions {
  /** Names of containers. */
  readonly containers: Choice
  readonly images: Choice
  /** Globs of the labels that become fields. */
  readonly labels: readonly string[]
}

const textMax = 256
const labelsMax = 32

/** Names, images and labels come from the file that Docker keeps beside the log; it is readable for root alone. */
export function dockerLayout({ containers, images, labels }: DockerOptions): Layout {
  const isContainer = chosenBy(containers)
  const isImage = chosenBy(images)
  const isLabel = chosenBy({ include: labels, exclude: labels.length === 0 ? ['**'] : [] })
  const choices = [...containers.include, ...containers.exclude, ...images.include, ...images.exclude]
  return {
    needsMore: choices.length > 0,
    read(file) {
      const id = /(?:^|\/)([0-9a-f]{64})\/\1-json\.log(?:\.\d+)?(?:\.gz)?$/.exec(file)?.[1]
      if (id === undefined) return null
      return { more: path.join(path.dirname(file), 'config.v2.json'), attributes: [['container.id', id]] }
    },
    readMore(text) {
      const { Name: name, Config: config } = objectIn(text)
      if (typeof name !== 'string') return null
      const found: [string, string][] = [['container.name', name.replace(/^\//, '').slice(0, textMax)]]
      const { Image: image, Labels: labelled } = objectOf(config)
      if (typeof image === 'string') found.push(['container.image.name', image.slice(0, textMax)])
      for (const [label, value] of Object.entries(objectOf(labelled))) {
        if (
          found.length > labelsMax ||
          typeof value !== 'string' ||
          label.length > textMax ||
          !isLabel(label)
        )
          continue
        found.push([`container.label.${label}`, value.slice(0, textMax)])
      }
      return found.map(([key, value]) => [key, value.toWellFormed()] as const)
    },
    chooses: (attributes) =>
      isContainer(attributes.get('container.name') ?? '') &&
      isImage(attributes.get('container.image.name') ?? ''),
  }
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    return objectOf(JSON.parse(text))
  } catch {
    return {}
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
