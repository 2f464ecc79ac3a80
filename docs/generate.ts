// Writes the generated documents: config.md, house.md, protocol.md, topic-configs.md, logdrive.schema.json. `npm run docs`; CI sees that they are fresh.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sinkSchemas } from '../cli/sink-types.ts'
import { configDocument, configJsonSchema } from '../config/document.ts'
import { houseDocument } from './house.ts'
import { protocolDocument } from './protocol.ts'
import { topicConfigsDocument } from './topic-configs.ts'

const root = join(import.meta.dirname, '..')

/** Every generated document: its path from the root, and its text. */
export function generatedDocuments(): ReadonlyMap<string, string> {
  const schemas = sinkSchemas()
  return new Map([
    ['docs/config.md', configDocument(schemas)],
    ['docs/house.md', houseDocument(root)],
    ['docs/protocol.md', protocolDocument()],
    ['docs/topic-configs.md', topicConfigsDocument()],
    ['logdrive.schema.json', `${JSON.stringify(configJsonSchema(schemas), null, 2)}\n`],
  ])
}

if (import.meta.main) {
  for (const [path, text] of generatedDocuments()) writeFileSync(join(root, path), text)
}
