// Inputs that read files, as inputs of files: docker and kubernetes are such with a layout of their own.
import type { FileInputConfig, InputConfig } from '../schema.ts'

/** The input of files that this one is; null for one that reads none. */
export function asFiles(input: InputConfig): FileInputConfig | null {
  switch (input.type) {
    case 'file':
      return input
    case 'docker':
    case 'kubernetes': {
      const { paths, exclude, topic, start, ignore_older, compressed, line_bytes_max } = input
      const { multiline, parse, transforms } = input
      const envelope = input.type === 'docker' ? 'docker' : input.format
      return {
        ...{
          type: 'file',
          encoding: 'utf-8',
          paths,
          exclude,
          topic,
          start,
          ignore_older,
          compressed,
          line_bytes_max,
          multiline,
          transforms,
        },
        parse: { type: envelope, ...(parse === undefined ? {} : { inside: parse }) },
      }
    }
    default:
      return null
  }
}
