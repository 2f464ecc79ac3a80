// ConfigAdmin: the configs of topics for those who look at and change them: Kafka's admin calls and the CLI.
import { LogdriveError } from '../../../core/errors.ts'
import { type BrokerConfig, brokerDefaults } from '../config.ts'
import {
  type ConfigChange,
  type ConfigEntry,
  changeConfigs,
  checkConfigs,
  describeConfigs,
} from './topic-configs.ts'
import { isInternal, type Topics } from './topics.ts'

export interface AlterOptions {
  /** Only say whether it could be done. */
  readonly validateOnly: boolean
}

/** Every call throws TOPIC_UNKNOWN; those that change, CONFIG_INVALID (internal topics too), DISK_FULL. */
export class ConfigAdmin {
  readonly #topics: Topics

  constructor(topics: Topics) {
    this.#topics = topics
  }

  /** The broker's own configuration, as it counts for topics that are not internal. */
  get broker(): BrokerConfig {
    return this.#topics.configOf('')
  }

  /** All configs of a topic, sorted by name. */
  describe(topic: string): readonly ConfigEntry[] {
    const found = this.#topics.find(topic)
    if (found === null) throw new LogdriveError('TOPIC_UNKNOWN', `there is no topic ${topic}`)
    return describeConfigs(found.record.configs, this.#topics.configOf(topic), brokerDefaults)
  }

  /** What a topic made with these configs would say of them: for CreateTopics, before and after. */
  describeNew(configs: Readonly<Record<string, string | null>>): readonly ConfigEntry[] {
    return describeConfigs(checkConfigs(configs), this.#topics.configOf(''), brokerDefaults)
  }

  /** IncrementalAlterConfigs: changes what is named. */
  async alter(topic: string, changes: readonly ConfigChange[], options: AlterOptions): Promise<void> {
    refuseInternal(topic)
    const { validateOnly } = options
    await this.#topics.alterConfigs(topic, (now, broker) => changeConfigs(now, changes, broker), validateOnly)
  }

  /** AlterConfigs: these are all the overrides there are, the others go back to the default. */
  async replace(
    topic: string,
    configs: Readonly<Record<string, string | null>>,
    options: AlterOptions,
  ): Promise<void> {
    refuseInternal(topic)
    await this.#topics.alterConfigs(topic, () => checkConfigs(configs), options.validateOnly)
  }
}

/** The broker's own topics are what the broker needs them to be. */
function refuseInternal(topic: string): void {
  if (!isInternal(topic)) return
  throw new LogdriveError('CONFIG_INVALID', `${topic} is internal: its configs are the broker's own`)
}
