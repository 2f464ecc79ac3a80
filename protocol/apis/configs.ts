// Configs of topics and brokers: DescribeConfigs, AlterConfigs, IncrementalAlterConfigs.

import { api, array, bool, field, int8, string, struct } from '../schema.ts'
import { errorCode, errorMessage, throttleTimeMs } from './common.ts'

const RESOURCE_TYPES = 'What it is: 2 a topic, 4 a broker, 8 the loggers of a broker.'

const describeResource = struct({
  resourceType: field(int8, '0+', RESOURCE_TYPES),
  resourceName: field(string, '0+', 'Its name: a topic, or the id of a broker.'),
  configurationKeys: field(array(string), '0+', 'The configs asked for, or null for all.', {
    nullable: '0+',
  }),
})

const configSynonym = struct({
  name: field(string, '1+', 'The name of the config there.'),
  value: field(string, '1+', 'Its value, or null.', { nullable: '1+' }),
  source: field(int8, '1+', 'Where it comes from: 1 topic, 4 broker file, 5 default.'),
})

const describedConfig = struct({
  name: field(string, '0+', 'The name of the config.'),
  value: field(string, '0+', 'Its value, or null for a secret.', { nullable: '0+' }),
  readOnly: field(bool, '0+', 'Whether it cannot be changed.'),
  configSource: field(int8, '1+', 'Where the value comes from: 1 topic, 4 broker file, 5 default.', {
    default: -1,
  }),
  isSensitive: field(bool, '0+', 'Whether the value is a secret.'),
  synonyms: field(array(configSynonym), '1+', 'All places that say a value, the one that counts first.', {
    default: [],
  }),
  configType: field(
    int8,
    '3+',
    'Its type: 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list, 8 class, 9 password.',
    { default: 0 },
  ),
  documentation: field(string, '3+', 'What it is for, or null.', { nullable: '3+', default: null }),
})

const describedResource = struct({
  errorCode: errorCode('0+'),
  errorMessage: errorMessage('0+'),
  resourceType: field(int8, '0+', RESOURCE_TYPES),
  resourceName: field(string, '0+', 'Its name.'),
  configs: field(array(describedConfig), '0+', 'Its configs.'),
})

export const DescribeConfigs = api({
  key: 32,
  name: 'DescribeConfigs',
  about: 'Tells the configs of topics and brokers.',
  versions: [1, 4],
  flexible: 4,
  request: struct({
    resources: field(array(describeResource), '0+', 'What is asked for.'),
    includeSynonyms: field(bool, '1+', 'Whether to tell all places that say a value.', { default: false }),
    includeDocumentation: field(bool, '3+', 'Whether to tell what each config is for.', { default: false }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    results: field(array(describedResource), '0+', 'The configs.'),
  }),
})

const alterConfig = struct({
  name: field(string, '0+', 'The name of the config.'),
  value: field(string, '0+', 'Its value, or null for the default.', { nullable: '0+' }),
})

const alterResource = struct({
  resourceType: field(int8, '0+', RESOURCE_TYPES),
  resourceName: field(string, '0+', 'Its name.'),
  configs: field(array(alterConfig), '0+', 'All its configs: what is not here goes back to the default.'),
})

const alteredResource = struct({
  errorCode: errorCode('0+'),
  errorMessage: errorMessage('0+'),
  resourceType: field(int8, '0+', RESOURCE_TYPES),
  resourceName: field(string, '0+', 'Its name.'),
})

export const AlterConfigs = api({
  key: 33,
  name: 'AlterConfigs',
  about: 'Replaces all configs of topics or brokers.',
  versions: [0, 2],
  flexible: 2,
  request: struct({
    resources: field(array(alterResource), '0+', 'What changes.'),
    validateOnly: field(bool, '0+', 'Whether to check only, and change nothing.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    responses: field(array(alteredResource), '0+', 'The outcome for each.'),
  }),
})

const incrementalConfig = struct({
  name: field(string, '0+', 'The name of the config.'),
  configOperation: field(
    int8,
    '0+',
    'What to do: 0 set, 1 back to the default, 2 append to a list, 3 remove from it.',
  ),
  value: field(string, '0+', 'The value, or null to go back to the default.', { nullable: '0+' }),
})

const incrementalResource = struct({
  resourceType: field(int8, '0+', RESOURCE_TYPES),
  resourceName: field(string, '0+', 'Its name.'),
  configs: field(array(incrementalConfig), '0+', 'The configs that change; the others stay.'),
})

export const IncrementalAlterConfigs = api({
  key: 44,
  name: 'IncrementalAlterConfigs',
  about: 'Changes single configs of topics or brokers.',
  versions: [0, 1],
  flexible: 1,
  request: struct({
    resources: field(array(incrementalResource), '0+', 'What changes.'),
    validateOnly: field(bool, '0+', 'Whether to check only, and change nothing.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    responses: field(array(alteredResource), '0+', 'The outcome for each.'),
  }),
})
