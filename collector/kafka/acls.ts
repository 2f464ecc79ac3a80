// DescribeAcls, CreateAcls, DeleteAcls: who may do what, as far as it was said through Kafka.
import type { RequestOf, ResponseInput } from '../../protocol/apis/index.ts'
import { KafkaError } from '../../protocol/errors.ts'
import { type Acl, type AclFilter, aclKey, everyName, filterFits } from '../broker/security/acls.ts'
import type { Authorizer } from './authorizer.ts'
import type { RequestContext } from './context.ts'
import type { Handlers } from './dispatch.ts'
import {
  nameOfCode,
  operationCodes,
  patternTypeCodes,
  permissionCodes,
  resourceTypeCodes,
  supportedOperations,
} from './operations.ts'
import { clusterResource } from './security.ts'
import { noTrouble, troubleOf } from './trouble.ts'

type Creation = RequestOf<'CreateAcls'>['creations'][number]
type WireFilter = RequestOf<'DeleteAcls'>['filters'][number]
type FilterResult = ResponseInput<'DeleteAcls'>['filterResults'][number]

/** In bytes of UTF-8; a topic has 249 at most. */
const nameBytesMax = 1024

export const aclHandlers = {
  DescribeAcls(request, context) {
    try {
      const authorizer = authorizerFor('DESCRIBE', context)
      const filter = filterOf(request)
      const found = allAcls(authorizer, context).filter((acl) => filterFits(filter, acl))
      const resources = Map.groupBy(found, (acl) =>
        JSON.stringify([acl.resourceType, acl.patternType, acl.resourceName]),
      )
      return { ...noTrouble, resources: [...resources.values()].map(describedResource) }
    } catch (error) {
      return { ...troubleOf(error, context), resources: [] }
    }
  },

  async CreateAcls({ creations }, context) {
    const outcomes = creations.map((creation) => attempt(context, () => aclOf(creation, context)))
    try {
      const made = outcomes.flatMap((outcome) => (outcome.value === null ? [] : [outcome.value]))
      if (made.length > 0) await addAcls(made, context)
      return { results: outcomes.map(({ value: _, ...trouble }) => trouble) }
    } catch (error) {
      return { results: creations.map(() => troubleOf(error, context)) }
    }
  },

  async DeleteAcls(request, context) {
    const outcomes = request.filters.map((filter) =>
      attempt(context, () => ({ authorizer: authorizerFor('ALTER', context), filter: filterOf(filter) })),
    )
    const filters = outcomes.flatMap(({ value }) => (value === null ? [] : [value.filter]))
    let removed: readonly Acl[] = []
    try {
      if (filters.length > 0) removed = await removeAcls(filters, context)
    } catch (error) {
      return { filterResults: outcomes.map(() => ({ ...troubleOf(error, context), matchingAcls: [] })) }
    }
    const filterResults = outcomes.map(({ value, ...trouble }): FilterResult => {
      if (value === null) return { ...trouble, matchingAcls: [] }
      const { authorizer, filter } = value
      const gone = removed.filter((acl) => filterFits(filter, acl))
      const stuck = authorizer.fixed.filter((acl) => filterFits(filter, acl))
      return {
        ...noTrouble,
        matchingAcls: [
          ...gone.map((acl) => ({ ...noTrouble, ...wireAcl(acl) })),
          ...stuck.map((acl) => ({ ...troubleOf(inYaml(), context), ...wireAcl(acl) })),
        ],
      }
    })
    return { filterResults }
  },
} satisfies Partial<Handlers>

/** Throws SECURITY_DISABLED where everybody may do everything, and CLUSTER_AUTHORIZATION_FAILED. */
function authorizerFor(operation: 'DESCRIBE' | 'ALTER', { session }: RequestContext): Authorizer {
  const { authorizer } = session.security
  if (authorizer === null)
    throw new KafkaError('SECURITY_DISABLED', 'no ACLs count here: collector.kafka.acls is not in the YAML')
  if (!session.authorize(operation, 'CLUSTER', clusterResource))
    throw new KafkaError('CLUSTER_AUTHORIZATION_FAILED', `${operation} is not allowed`)
  return authorizer
}

async function addAcls(made: readonly Acl[], { broker }: RequestContext): Promise<void> {
  await broker.security.change((state) => {
    const known = new Map(state.acls.map((acl) => [aclKey(acl), acl]))
    const count = known.size
    for (const acl of made) known.set(aclKey(acl), acl)
    return known.size === count ? state : { ...state, acls: [...known.values()] }
  })
}

async function removeAcls(
  filters: readonly AclFilter[],
  { broker }: RequestContext,
): Promise<readonly Acl[]> {
  let removed: readonly Acl[] = []
  await broker.security.change((state) => {
    removed = state.acls.filter((acl) => filters.some((filter) => filterFits(filter, acl)))
    const acls = state.acls.filter((acl) => !removed.includes(acl))
    return removed.length === 0 ? state : { ...state, acls }
  })
  return removed
}

/** Those of the YAML and those of the data folder, each once. */
function allAcls(authorizer: Authorizer, { broker }: RequestContext): readonly Acl[] {
  const all = [...authorizer.fixed, ...broker.security.state.acls]
  return [...new Map(all.map((acl) => [aclKey(acl), acl])).values()]
}

function describedResource(acls: readonly Acl[]) {
  const [first] = acls.map(wireAcl)
  if (first === undefined) throw new KafkaError('UNKNOWN_SERVER_ERROR', 'a resource without ACLs')
  const { resourceType, resourceName, patternType } = first
  return { resourceType, resourceName, patternType, acls: acls.map(wireAcl) }
}

function wireAcl(acl: Acl) {
  return {
    resourceType: resourceTypeCodes[acl.resourceType],
    resourceName: acl.resourceName,
    patternType: patternTypeCodes[acl.patternType],
    principal: acl.principal,
    host: acl.host,
    operation: operationCodes[acl.operation],
    permissionType: permissionCodes[acl.permission],
  }
}

function aclOf(creation: Creation, context: RequestContext): Acl {
  authorizerFor('ALTER', context)
  const { resourceName, principal, host } = creation
  const resourceType = nameOfCode(resourceTypeCodes, creation.resourceType)
  const patternType = nameOfCode(patternTypeCodes, creation.resourcePatternType)
  const operation = nameOfCode(operationCodes, creation.operation)
  const permission = nameOfCode(permissionCodes, creation.permissionType)
  if (resourceType === null || resourceType === 'ANY') throw invalid('an ACL names the type of its resource')
  if (patternType !== 'LITERAL' && patternType !== 'PREFIXED')
    throw invalid('the pattern of an ACL is literal or prefixed')
  if (permission !== 'ALLOW' && permission !== 'DENY') throw invalid('an ACL allows or denies')
  const supported: readonly string[] = ['ALL', ...supportedOperations[resourceType]]
  if (operation === null || operation === 'ANY' || !supported.includes(operation))
    throw invalid(`this operation makes no sense on ${resourceType}`)
  if (resourceType === 'CLUSTER' && resourceName !== clusterResource)
    throw invalid(`the only cluster is called ${clusterResource}`)
  if (patternType === 'PREFIXED' && resourceName === everyName)
    throw invalid('"*" is a literal pattern: every name')
  if (!/^[^:]{1,64}:./.test(principal)) throw invalid('a principal looks like User:alice')
  if (host === '') throw invalid('the host is an address, or "*"')
  for (const text of [resourceName, principal, host]) {
    if (text === '' || Buffer.byteLength(text) > nameBytesMax)
      throw invalid(`names have 1 to ${nameBytesMax} bytes`)
  }
  return { resourceType, resourceName, patternType, principal, host, operation, permission }
}

function filterOf(filter: WireFilter): AclFilter {
  const resourceType = nameOfCode(resourceTypeCodes, filter.resourceTypeFilter)
  const patternType = nameOfCode(patternTypeCodes, filter.patternTypeFilter)
  const operation = nameOfCode(operationCodes, filter.operation)
  const permission = nameOfCode(permissionCodes, filter.permissionType)
  if (resourceType === null || patternType === null || operation === null || permission === null)
    throw invalid('the filter has a code that is not known here')
  const { resourceNameFilter: resourceName, principalFilter: principal, hostFilter: host } = filter
  return { resourceType, resourceName, patternType, principal, host, operation, permission }
}

/** The value, or the trouble with it. */
function attempt<Value>(context: RequestContext, make: () => Value) {
  try {
    return { value: make(), ...noTrouble }
  } catch (error) {
    return { value: null, ...troubleOf(error, context) }
  }
}

function invalid(what: string): KafkaError {
  return new KafkaError('INVALID_REQUEST', what)
}

function inYaml(): KafkaError {
  return new KafkaError('INVALID_REQUEST', 'this ACL is in the YAML (collector.kafka.acls): delete it there')
}
