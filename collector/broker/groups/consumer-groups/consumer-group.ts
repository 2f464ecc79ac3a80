// ConsumerGroup: what one group of the newer protocol answers its members, as a state machine without promises, clock or disk.
//
// A change of members, subscriptions or topics makes a new group epoch; the assignor turns it into a target for all, and
// each member is moved there by its own heartbeats: first it gives back, then it gets what is free. Time is monotonic ms,
// given with every call. What changed comes out of `takeChanges`. Source: KIP-848.
import { KafkaError, type KafkaErrorName } from '../../../../protocol/errors.ts'
import { isInternal } from '../../topics/topics.ts'
import type { GroupRoom } from '../group-room.ts'
import type { HeartbeatRequest } from '../group-types.ts'
import { awayEpoch, type ConsumerMember, newcomer, reconciled } from './consumer-member.ts'
import { bytesOf, ConsumerMembers } from './consumer-members.ts'
import type {
  ConsumerAnswer,
  ConsumerGroupPhase,
  ConsumerHeartbeat,
  GroupPart,
  GroupTopics,
} from './consumer-types.ts'
import { GroupTarget } from './group-target.ts'
import { isSame, isSubset, type PartitionSet } from './partition-set.ts'
import { topicPattern } from './topic-pattern.ts'

/** What a member takes in memory with its records besides what it says (measured: 3,170 with one partition). */
const memberBytes = 3200
/** What a partition takes that a member has, with its place in the target (measured: 155). */
const partitionBytes = 160
/** What a topic takes that an expression matched: its name is the topic's own. */
const matchBytes = 40

export interface ConsumerGroupLimits {
  readonly sessionTimeoutMs: number
  readonly membersMax: number
  /** Of what all members say of themselves. */
  readonly bytesMax: number
}

/** A group as it is kept. */
export interface ConsumerGroupRecord {
  readonly epoch: number
  readonly targetEpoch: number
  readonly members: readonly ConsumerMember[]
  readonly targets: ReadonlyMap<string, PartitionSet>
  /** Topics by the expression that they match. */
  readonly patterns: ReadonlyMap<string, readonly string[]>
}

/** Until when a member has to be heard of, and to give back what it has to. */
interface Deadlines {
  session: number
  revocation: number
}

export class ConsumerGroup {
  readonly name: string
  readonly members = new ConsumerMembers()
  readonly target = new GroupTarget()
  /** When `tick` is due; never later than needed, sometimes earlier. */
  wakeAt = Number.POSITIVE_INFINITY
  readonly #limits: ConsumerGroupLimits
  readonly #room: Pick<GroupRoom, 'has'>
  readonly #deadlines = new Map<string, Deadlines>()
  readonly #changes = new Map<string, GroupPart>()
  #epoch = 0

  constructor(name: string, limits: ConsumerGroupLimits, room: Pick<GroupRoom, 'has'>) {
    this.name = name
    this.#limits = limits
    this.#room = room
  }

  /** Grows with every change of members, subscriptions or topics. */
  get epoch(): number {
    return this.#epoch
  }

  /** Partitions and matches are known once they are there: who brings them takes them, who comes next finds no room. */
  get memoryBytes(): number {
    const { members, target } = this
    const ofMembers = members.bytes + members.size * memberBytes
    return ofMembers + members.owned * partitionBytes + target.matched * matchBytes
  }

  get phase(): ConsumerGroupPhase {
    if (this.members.size === 0) return 'Empty'
    if (this.target.epoch < this.#epoch) return 'Assigning'
    for (const { state, epoch } of this.members.values()) {
      if (state !== 'Stable' || epoch !== this.target.epoch) return 'Reconciling'
    }
    return 'Stable'
  }

  /** What is to be kept since the last call. */
  takeChanges(): readonly GroupPart[] {
    const parts = [...this.#changes.values()]
    this.#changes.clear()
    return parts
  }

  /** These could not be kept: they are changes again. */
  putChangesBack(parts: readonly GroupPart[]): void {
    for (const part of parts) this.#note(part)
  }

  /** Takes over what was durable before a restart: members go on with their epochs. */
  restore(record: ConsumerGroupRecord, now: number): void {
    this.#epoch = record.epoch
    this.target.restore(record)
    for (const member of record.members) {
      this.members.put(member)
      this.#touch(member, now, true)
    }
  }

  /** Throws KafkaError: nothing has changed then. */
  heartbeat(request: ConsumerHeartbeat, topics: GroupTopics, now: number): ConsumerAnswer {
    if (request.memberEpoch < 0) return this.#leave(request)
    const before = request.memberEpoch === 0 ? this.#joining(request) : this.#known(request)
    const member = told(before, request)
    this.#check(member, request)
    const isOther = this.#subscribe(member, before)
    const areOthers = this.#resolve(member, request, topics)
    this.#aim(topics, isOther || areOthers)
    const after = reconciled(member, {
      epoch: this.target.epoch,
      target: this.target.of(member.id),
      owned: request.owned,
      isFree: (topicId, partition) => this.members.isFree(topicId, partition),
    })
    if (after !== member) {
      this.members.put(after)
      this.#note({ kind: 'current', name: after.id })
    }
    this.#touch(after, now, after !== member)
    const isTold = isWhole(request) || !isSame(before.assigned, after.assigned)
    return { memberId: after.id, memberEpoch: after.epoch, assigned: isTold ? after.assigned : null }
  }

  /** Takes out who was silent for too long or has not given back in time; gives their ids. */
  tick(now: number): readonly string[] {
    const late: string[] = []
    this.wakeAt = Number.POSITIVE_INFINITY
    for (const [id, { session, revocation }] of this.#deadlines) {
      const until = Math.min(session, revocation)
      if (until <= now) late.push(id)
      else this.wakeAt = Math.min(this.wakeAt, until)
    }
    for (const id of late) {
      const member = this.members.find(id)
      if (member !== null) this.#remove(member)
    }
    if (late.length > 0) this.#grow()
    return late
  }

  /** Whether these offsets may be committed, or read by a member. */
  checkCommit(request: HeartbeatRequest, isTransactional: boolean): KafkaErrorName {
    const { memberId, instanceId, generationId } = request
    if (generationId < 0 && this.members.size === 0) return 'NONE'
    const isNobody = generationId < 0 && memberId === '' && instanceId === null
    // The transactions of old clients say nothing of members.
    if (isNobody && isTransactional) return 'NONE'
    const member = this.members.find(memberId)
    if (member === null) return 'UNKNOWN_MEMBER_ID'
    if (member.epoch === generationId) return 'NONE'
    return isTransactional ? 'ILLEGAL_GENERATION' : 'STALE_MEMBER_EPOCH'
  }

  /** The topics that some member subscribes to. */
  subscribedTopics(): ReadonlySet<string> {
    const topics = new Set<string>()
    for (const { topicNames, topicRegex } of this.members.values()) {
      for (const name of [...topicNames, ...(this.target.resolved(topicRegex) ?? [])]) topics.add(name)
    }
    return topics
  }

  /** A member that comes, or comes back. */
  #joining(request: ConsumerHeartbeat): ConsumerMember {
    const { memberId: id, instanceId, clientId, clientHost } = request
    const known = this.members.find(id)
    const twin = instanceId === null ? null : this.members.findStatic(instanceId)
    if (known !== null && known.instanceId === instanceId) return known
    if (known !== null) throw new KafkaError('INVALID_REQUEST', `member ${id} is known without that instance`)
    if (twin !== null && twin.epoch !== awayEpoch) {
      throw new KafkaError('UNRELEASED_INSTANCE_ID', `instance ${instanceId} is member ${twin.id} still`)
    }
    if (twin !== null) return { ...twin, ...cameBack, id }
    if (this.members.size >= this.#limits.membersMax) {
      throw new KafkaError('GROUP_MAX_SIZE_REACHED', `the group has ${this.#limits.membersMax} members`)
    }
    const facts = { id, instanceId, clientId, clientHost, rackId: null, assignor: null }
    return { ...newcomer, ...facts, rebalanceTimeoutMs: 0, topicNames: [], topicRegex: '' }
  }

  /** The member that asks, if its epoch is right. */
  #known(request: ConsumerHeartbeat): ConsumerMember {
    const member = this.#identify(request)
    const { memberEpoch, owned } = request
    if (memberEpoch === member.epoch) return member
    // The answer that told it of its epoch was lost.
    const isBehind =
      memberEpoch === member.previousEpoch && owned !== null && isSubset(owned, member.assigned)
    if (isBehind && memberEpoch < member.epoch) return member
    throw new KafkaError('FENCED_MEMBER_EPOCH', `epoch ${memberEpoch} is not the member's, ${member.epoch}`)
  }

  #identify({ memberId, instanceId }: ConsumerHeartbeat): ConsumerMember {
    const member = instanceId === null ? this.members.find(memberId) : this.members.findStatic(instanceId)
    if (member === null) throw new KafkaError('UNKNOWN_MEMBER_ID', `there is no member ${memberId}`)
    if (member.id === memberId) return member
    throw new KafkaError('FENCED_INSTANCE_ID', `instance ${instanceId} is another member now`)
  }

  #leave(request: ConsumerHeartbeat): ConsumerAnswer {
    const member = this.#identify(request)
    if (request.memberEpoch === awayEpoch) {
      // Its place is kept until its session ends; whoever comes with its instance id takes it.
      this.members.put({ ...member, ...cameBack, epoch: awayEpoch, previousEpoch: member.epoch })
      this.#note({ kind: 'current', name: member.id })
      const deadlines = this.#deadlines.get(member.id)
      if (deadlines !== undefined) deadlines.revocation = Number.POSITIVE_INFINITY
    } else {
      this.#remove(member)
      this.#grow()
    }
    return { memberId: member.id, memberEpoch: request.memberEpoch, assigned: null }
  }

  /** Throws when the member may not be what it says. */
  #check(member: ConsumerMember, { topicRegex, instanceId }: ConsumerHeartbeat): void {
    if (topicRegex !== null && topicRegex !== '') topicPattern(topicRegex)
    const twin = instanceId === null ? null : this.members.findStatic(instanceId)
    const known = this.members.find(member.id) ?? twin
    const said = bytesOf(member) - (known === null ? 0 : bytesOf(known))
    const more = said + (known === null ? memberBytes : 0)
    if (more <= 0) return
    if (this.members.bytes + said > this.#limits.bytesMax) {
      throw new KafkaError('GROUP_MAX_SIZE_REACHED', 'the subscriptions of the group are too large together')
    }
    if (this.#room.has(more)) return
    throw new KafkaError('GROUP_MAX_SIZE_REACHED', 'the members of all groups take too much memory')
  }

  /** Keeps what the member says of itself; whether it is to read other things now. */
  #subscribe(member: ConsumerMember, before: ConsumerMember): boolean {
    const isNew = this.members.find(member.id) === null
    if (member === before && !isNew) return false
    const twin = member.instanceId === null ? null : this.members.findStatic(member.instanceId)
    if (isNew && twin !== null) {
      this.target.rename(twin.id, member.id)
      this.#drop(twin)
      this.#note({ kind: 'memberTarget', name: member.id })
    }
    this.members.put(member)
    this.#note({ kind: 'member', name: member.id })
    if (isNew) this.#note({ kind: 'current', name: member.id })
    if (before.topicRegex !== member.topicRegex) this.#forgetPattern(before.topicRegex)
    return (isNew && twin === null) || !isSameSubscription(member, before)
  }

  /** Looks for the topics of the member's expression when there may be others now; whether there are. */
  #resolve({ topicRegex }: ConsumerMember, { isVisible }: ConsumerHeartbeat, topics: GroupTopics): boolean {
    if (topicRegex === '' || this.target.isResolved(topicRegex, topics.version)) return false
    const pattern = topicPattern(topicRegex)
    const names = topics.list().map(({ name }) => name)
    const found = names.filter((name) => !isInternal(name) && pattern.test(name) && isVisible(name))
    if (!this.target.resolve(topicRegex, found, topics.version)) return false
    this.#note({ kind: 'pattern', name: topicRegex })
    return true
  }

  /** Makes a new target when there is a reason for one. */
  #aim(topics: GroupTopics, isForced: boolean): void {
    if (isForced) this.#grow()
    const isDue = this.target.epoch < this.#epoch
    const changed = this.target.assign(this.members, topics, isDue)
    if (changed === null) return
    if (!isDue) this.#grow()
    this.target.epoch = this.#epoch
    this.#note({ kind: 'target' })
    for (const name of changed) this.#note({ kind: 'memberTarget', name })
  }

  #remove(member: ConsumerMember): void {
    this.#drop(member)
    this.#forgetPattern(member.topicRegex)
  }

  #drop(member: ConsumerMember): void {
    const { id: name } = member
    this.members.remove(member)
    this.target.remove(name)
    this.#deadlines.delete(name)
    for (const kind of ['member', 'memberTarget', 'current'] as const) this.#note({ kind, name })
  }

  /** Nobody may need the expression any more. */
  #forgetPattern(regex: string): void {
    if (regex === '') return
    for (const { topicRegex } of this.members.values()) if (topicRegex === regex) return
    this.target.forget(regex)
    this.#note({ kind: 'pattern', name: regex })
  }

  #grow(): void {
    this.#epoch += 1
    this.#note({ kind: 'group' })
  }

  /** The member was heard of; `isStep`: what it has to give back is something else than before. */
  #touch({ id, state, rebalanceTimeoutMs }: ConsumerMember, now: number, isStep: boolean): void {
    const session = now + this.#limits.sessionTimeoutMs
    const before = this.#deadlines.get(id)?.revocation ?? Number.POSITIVE_INFINITY
    const begun = isStep ? now + rebalanceTimeoutMs : before
    const revocation = state === 'UnrevokedPartitions' ? begun : Number.POSITIVE_INFINITY
    this.#deadlines.set(id, { session, revocation })
    this.wakeAt = Math.min(this.wakeAt, session, revocation)
  }

  #note(part: GroupPart): void {
    this.#changes.set('name' in part ? `${part.kind}/${part.name}` : part.kind, part)
  }
}

/** A static member that is away, or has come back: it has what it had, and owes nothing. */
const cameBack = { epoch: 0, previousEpoch: 0, state: 'Stable', revoking: newcomer.revoking } as const

/** The member with what the request says of it; the same when that is nothing new. */
function told(member: ConsumerMember, request: ConsumerHeartbeat): ConsumerMember {
  const facts = {
    rackId: request.rackId ?? member.rackId,
    rebalanceTimeoutMs: request.rebalanceTimeoutMs ?? member.rebalanceTimeoutMs,
    topicNames: request.topicNames ?? member.topicNames,
    topicRegex: request.topicRegex ?? member.topicRegex,
    assignor: request.assignor ?? member.assignor,
    clientId: request.clientId,
    clientHost: request.clientHost,
  }
  const after = { ...member, ...facts }
  const isKnown =
    isSameSubscription(member, after) &&
    facts.rackId === member.rackId &&
    facts.rebalanceTimeoutMs === member.rebalanceTimeoutMs &&
    facts.clientId === member.clientId &&
    facts.clientHost === member.clientHost
  return isKnown ? member : after
}

function isSameSubscription(one: ConsumerMember, other: ConsumerMember): boolean {
  if (one.topicRegex !== other.topicRegex || one.assignor !== other.assignor) return false
  if (one.topicNames === other.topicNames) return true
  return new Set(one.topicNames).symmetricDifference(new Set(other.topicNames)).size === 0
}

/** The member says all of itself: it does not know what it was told before. */
function isWhole(request: ConsumerHeartbeat): boolean {
  const { memberEpoch, rebalanceTimeoutMs, topicNames, topicRegex, owned } = request
  if (memberEpoch === 0) return true
  return rebalanceTimeoutMs !== null && (topicNames !== null || topicRegex !== null) && owned !== null
}
