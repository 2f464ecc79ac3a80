// Topics come and go: CreateTopics, DeleteTopics, CreatePartitions.

import { ZERO_UUID } from '../bytes.ts'
import { api, array, bool, field, int8, int16, int32, string, struct, uuid } from '../schema.ts'
import { errorCode, errorMessage, throttleTimeMs } from './common.ts'

const createAssignment = struct({
  partitionIndex: field(int32, '0+', 'The number of the partition.'),
  brokerIds: field(array(int32), '0+', 'The brokers that keep it.'),
})

const createConfig = struct({
  name: field(string, '0+', 'The name of the config.'),
  value: field(string, '0+', 'Its value, or null for the default.', { nullable: '0+' }),
})

const createTopic = struct({
  name: field(string, '0+', 'The name of the topic.'),
  numPartitions: field(int32, '0+', 'How many partitions; -1: as many as is usual, or as are assigned.'),
  replicationFactor: field(int16, '0+', 'How many copies; -1: as many as is usual, or as are assigned.'),
  assignments: field(array(createAssignment), '0+', 'Who keeps what; nothing: the broker decides.'),
  configs: field(array(createConfig), '0+', 'Configs of the topic.'),
})

const createdConfig = struct({
  name: field(string, '5+', 'The name of the config.'),
  value: field(string, '5+', 'Its value, or null.', { nullable: '5+' }),
  readOnly: field(bool, '5+', 'Whether it cannot be changed.'),
  configSource: field(int8, '5+', 'Where the value comes from: 1 topic, 4 broker file, 5 default.', {
    default: -1,
  }),
  isSensitive: field(bool, '5+', 'Whether the value is a secret.'),
})

const createdTopic = struct({
  name: field(string, '0+', 'The name of the topic.'),
  topicId: field(uuid, '7+', 'Its id.', { default: ZERO_UUID }),
  errorCode: errorCode('0+'),
  errorMessage: errorMessage('1+'),
  topicConfigErrorCode: field(int16, '5+', 'Why the configs are not told, 0 when they are.', {
    tag: 0,
    default: 0,
  }),
  numPartitions: field(int32, '5+', 'How many partitions it has, -1 with an error.', { default: -1 }),
  replicationFactor: field(int16, '5+', 'How many copies it has, -1 with an error.', { default: -1 }),
  configs: field(array(createdConfig), '5+', 'Its configs, or null.', { nullable: '5+', default: null }),
})

export const CreateTopics = api({
  key: 19,
  name: 'CreateTopics',
  about: 'Creates topics.',
  versions: [2, 7],
  flexible: 5,
  request: struct({
    topics: field(array(createTopic), '0+', 'The topics to create.'),
    timeoutMs: field(int32, '0+', 'How long to wait for it.'),
    validateOnly: field(bool, '1+', 'Whether to check only, and create nothing.', { default: false }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('2+'),
    topics: field(array(createdTopic), '0+', 'The outcome for each topic.'),
  }),
})

const deleteTopic = struct({
  name: field(string, '6+', 'The name of the topic, or null when it is deleted by id.', {
    nullable: '6+',
    default: null,
  }),
  topicId: field(uuid, '6+', 'The id of the topic, all zeros when it is deleted by name.', {
    default: ZERO_UUID,
  }),
})

const deletedTopic = struct({
  name: field(string, '0+', 'The name of the topic, or null when an id is unknown.', { nullable: '6+' }),
  topicId: field(uuid, '6+', 'Its id.', { default: ZERO_UUID }),
  errorCode: errorCode('0+'),
  errorMessage: errorMessage('5+'),
})

export const DeleteTopics = api({
  key: 20,
  name: 'DeleteTopics',
  about: 'Deletes topics with everything in them.',
  versions: [1, 6],
  flexible: 4,
  request: struct({
    topics: field(array(deleteTopic), '6+', 'The topics to delete, by name or id.', { default: [] }),
    topicNames: field(array(string), '0-5', 'The names of the topics to delete.', { default: [] }),
    timeoutMs: field(int32, '0+', 'How long to wait for it.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('1+'),
    responses: field(array(deletedTopic), '0+', 'The outcome for each topic.'),
  }),
})

const partitionsAssignment = struct({
  brokerIds: field(array(int32), '0+', 'The brokers that keep the partition.'),
})

const partitionsTopic = struct({
  name: field(string, '0+', 'The name of the topic.'),
  count: field(int32, '0+', 'How many partitions it shall have.'),
  assignments: field(
    array(partitionsAssignment),
    '0+',
    'Who keeps the new ones, or null: the broker decides.',
    {
      nullable: '0+',
    },
  ),
})

const partitionsResult = struct({
  name: field(string, '0+', 'The name of the topic.'),
  errorCode: errorCode('0+'),
  errorMessage: errorMessage('0+'),
})

export const CreatePartitions = api({
  key: 37,
  name: 'CreatePartitions',
  about: 'Adds partitions to topics.',
  versions: [0, 3],
  flexible: 2,
  request: struct({
    topics: field(array(partitionsTopic), '0+', 'The topics that grow.'),
    timeoutMs: field(int32, '0+', 'How long to wait for it.'),
    validateOnly: field(bool, '0+', 'Whether to check only, and add nothing.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    results: field(array(partitionsResult), '0+', 'The outcome for each topic.'),
  }),
})
