// docs/topic-configs.md: every config that a topic may have, printed from the broker's table.
import { brokerDefaults } from '../collector/broker/config.ts'
import { defaultOf, topicConfigs } from '../collector/broker/topics/topic-configs.ts'
import { topicConfigNames } from '../collector/broker/topics/topic-settings.ts'

const longMax = '9223372036854775807'

const head = `# Topic configs

What a topic may say about itself, by Kafka's names and with Kafka's values. Written by \`npm run docs\` from
\`collector/broker/topics/topic-configs.ts\`. Set with Kafka's admin calls (\`kafka-configs.sh\`, kafka-ui, any client),
\`logdrive topics alter NAME --config key=value\`, or \`configs\` in \`POST\` and \`PATCH /v1/topics\`. What a topic does not say is the broker's
default. A change counts from the next append and the next upkeep (10 s) on, without a restart.

Three differences to Kafka, all on purpose:

- **Ages are the broker's**: \`retention.ms\`, \`segment.ms\` and the lags of compaction count from the last append to a segment, not from
  the timestamps in its records, so that a client's clock neither keeps nor removes anything. When the broker's own clock
  jumps ahead by more than an hour, nothing grows old by that until the new time has held for an hour.
- **A record without a key stays** in a compacted topic: it is nobody's older word. Kafka clients may not append one, agents may.
- **\`max.message.bytes\` and the timestamp limits** are for Kafka clients; HTTP has limits of its own.
`

/** The whole document. */
export function topicConfigsDocument(): string {
  const rows = topicConfigNames.map((name) => {
    const { type, doc } = topicConfigs[name]
    const value = defaultOf(name, brokerDefaults)
    const shown = value === '' ? '(empty)' : value === longMax ? 'none (2^63 - 1)' : `\`${value}\``
    return `| \`${name}\` | ${type} | ${shown} | ${doc} |`
  })
  return `${head}\n| config | type | default | what it does |\n|---|---|---|---|\n${rows.join('\n')}\n`
}
