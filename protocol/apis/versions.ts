// ApiVersions: which APIs and versions a broker speaks; the first request of nearly every client.

import { api, array, bool, field, int16, int64, string, struct } from '../schema.ts'
import { errorCode, throttleTimeMs } from './common.ts'

const apiVersion = struct({
  apiKey: field(int16, '0+', 'The key of the API.'),
  minVersion: field(int16, '0+', 'The lowest version offered.'),
  maxVersion: field(int16, '0+', 'The highest version offered.'),
})

const supportedFeature = struct({
  name: field(string, '3+', 'The name of the feature.'),
  minVersion: field(int16, '3+', 'The lowest level the broker supports.'),
  maxVersion: field(int16, '3+', 'The highest level the broker supports.'),
})

const finalizedFeature = struct({
  name: field(string, '3+', 'The name of the feature.'),
  maxVersionLevel: field(int16, '3+', 'The level the whole cluster has agreed on.'),
  minVersionLevel: field(int16, '3+', 'The lowest level the whole cluster has agreed on.'),
})

export const ApiVersions = api({
  key: 18,
  name: 'ApiVersions',
  about: 'Says which APIs and versions the broker speaks.',
  versions: [0, 4],
  flexible: 3,
  request: struct({
    clientSoftwareName: field(string, '3+', 'The name of the client library.', { default: '' }),
    clientSoftwareVersion: field(string, '3+', 'Its version.', { default: '' }),
  }),
  response: struct({
    errorCode: errorCode('0+'),
    apiKeys: field(array(apiVersion), '0+', 'The APIs that the broker speaks.'),
    throttleTimeMs: throttleTimeMs('1+'),
    supportedFeatures: field(array(supportedFeature), '3+', 'Features that the broker supports.', { tag: 0 }),
    finalizedFeaturesEpoch: field(int64, '3+', 'Grows with each change of the agreed levels; -1: unknown.', {
      tag: 1,
      default: -1,
    }),
    finalizedFeatures: field(array(finalizedFeature), '3+', 'Features that the cluster has agreed on.', {
      tag: 2,
    }),
    zkMigrationReady: field(bool, '3+', 'Whether a migration from ZooKeeper may start.', {
      tag: 3,
      default: false,
    }),
  }),
})
