// ApiVersions: what this broker speaks, and which software the client says it is.
import { type ApiName, apis, type ResponseInput } from '../../protocol/apis/index.ts'
import { KafkaError } from '../../protocol/errors.ts'
import type { Handlers } from './dispatch.ts'

/** What a name or version of client software looks like (KIP-511). */
const softwareText = /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?$/
const softwareTextMax = 100

/** The feature that clients of Kafka look for before they use the newer group protocol (KIP-848). */
const groupVersion = { name: 'group.version', maxVersion: 1 } as const
/** From this version on a feature may begin at 0; older clients are not told of such (KAFKA-17011). */
const featuresFromZeroVersion = 4

/** The handler that offers these APIs. */
export function versionHandlers(served: readonly ApiName[]) {
  const answer: ResponseInput<'ApiVersions'> = {
    errorCode: 0,
    apiKeys: served
      .map((name) => apis[name])
      .map(({ key, versions: [minVersion, maxVersion] }) => ({ apiKey: key, minVersion, maxVersion }))
      .sort((one, other) => one.apiKey - other.apiKey),
    finalizedFeaturesEpoch: 0,
    finalizedFeatures: [{ name: groupVersion.name, maxVersionLevel: 1, minVersionLevel: 1 }],
  }
  const newest = { ...answer, supportedFeatures: [{ ...groupVersion, minVersion: 0 }] }
  return {
    ApiVersions({ clientSoftwareName: name, clientSoftwareVersion: version }, context) {
      if (context.apiVersion < 3) return answer
      if (!isSoftwareText(name) || !isSoftwareText(version)) {
        throw new KafkaError('INVALID_REQUEST', 'the name or version of the client software is not valid')
      }
      context.connection.software = { name, version }
      return context.apiVersion < featuresFromZeroVersion ? answer : newest
    },
  } satisfies Partial<Handlers>
}

function isSoftwareText(text: string): boolean {
  return text.length <= softwareTextMax && softwareText.test(text)
}
