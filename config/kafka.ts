// The shape of `collector.kafka`: where Kafka clients connect, how they say who they are, and what they may do.

import { z } from 'zod'
import * as fields from './fields.ts'
import { listenTls } from './listen-tls.ts'

/** Kafka's operations, as the YAML writes them. */
const aclOperations = [
  'all',
  'read',
  'write',
  'create',
  'delete',
  'alter',
  'describe',
  'cluster_action',
  'describe_configs',
  'alter_configs',
  'idempotent_write',
] as const

/** SASL mechanisms, as the YAML writes them. */
const saslMechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const

/** Who an ACL is about: `alice` and `User:alice` are the same, `*` is everybody. */
function principal() {
  return z
    .string({ error: 'expected a user, such as alice, "User:CN=alice" or "*"' })
    .regex(/^[^\p{Cc}]{1,512}$/u, {
      error: 'a user has 1 to 512 characters, none of them a control character',
    })
    .meta({ title: 'user', examples: ['alice'] })
}

function superUser() {
  return principal().refine((user) => user !== '*' && user !== 'User:*', {
    error: 'everybody? without super_users and acls everybody may do everything already',
  })
}

/** One or a list of them; `expected` is said when it is neither. */
function oneOrMore<Schema extends z.ZodType>(schema: Schema, expected: string) {
  return z
    .union([schema.transform((one) => [one]), z.array(schema).min(1, { error: 'at least one' })], {
      error: expected,
    })
    .meta({ title: 'one or a list' })
}

/** Users an ACL is about. */
function principals() {
  return oneOrMore(principal(), `expected a user, such as alice, "User:CN=alice" or "*", or a list of users`)
}

/** Resources an ACL is about. */
function patterns(noun: string, example: string) {
  const expected = `expected the name of a ${noun}, "${example}" for a beginning, "*" for all, or a list of them`
  const pattern = z
    .string({ error: expected })
    .regex(/^(?!$)[^\p{Cc}*]{0,249}\*?$/u, { error: expected })
    .meta({ title: 'name, beginning*, or *', examples: [example] })
  return oneOrMore(pattern, expected)
}

const acl = z
  .strictObject({
    allow: principals()
      .optional()
      .meta({ description: 'Users who may; `"*"` is everybody.', examples: ['alice'] }),
    deny: principals().optional().meta({ description: 'Users who may not, whatever else allows it.' }),
    to: oneOrMore(z.enum(aclOperations), `expected ${aclOperations.join(', ')}, or a list of them`).meta({
      description:
        'What: `read`, `write`, `create`, `delete`, `alter`, `describe`, `describe_configs`, `alter_configs`, `idempotent_write`, `cluster_action`, `all`. `read`, `write`, `delete` and `alter` include `describe`.',
      examples: [['read', 'write']],
    }),
    topics: patterns('topic', 'shop.*')
      .optional()
      .meta({ description: 'On these topics: a name, `beginning*`, or `"*"`.', examples: [['page_views']] }),
    groups: patterns('consumer group', 'etl-*').optional().meta({ description: 'On these consumer groups.' }),
    transactional_ids: patterns('transactional id', 'etl-*')
      .optional()
      .meta({ description: 'On these transactional ids.' }),
    cluster: fields.flag().prefault(false).meta({ description: 'On the cluster itself.' }),
    from: oneOrMore(fields.ipAddress(), 'expected an address such as 10.0.0.7 or ::1, or a list of them')
      .optional()
      .meta({ description: 'Only when they come from these addresses. Default: any.' }),
  })
  .superRefine((entry, context) => {
    if ((entry.allow === undefined) === (entry.deny === undefined))
      context.addIssue({ code: 'custom', message: 'expected either allow or deny, with the users' })
    const { topics, groups, transactional_ids: ids, cluster } = entry
    if (topics === undefined && groups === undefined && ids === undefined && !cluster)
      context.addIssue({
        code: 'custom',
        message: 'on what? give topics, groups, transactional_ids or cluster: true',
      })
  })

const tls = listenTls.extend({
  client_auth: z.enum(['none', 'request', 'require']).prefault('none').meta({
    description:
      'Whether clients show a certificate: `none`, `request` (may), `require` (must). It makes them `User:` and its subject.',
  }),
  principal: z.enum(['subject', 'common_name']).prefault('subject').meta({
    description:
      'The user of a client certificate: its `subject` (`User:CN=alice,O=Example`) or only its `common_name` (`User:alice`).',
  }),
})

const sasl = z.strictObject({
  mechanisms: z
    .array(z.enum(saslMechanisms))
    .min(1, { error: 'at least one mechanism' })
    .prefault(['scram-sha-256', 'scram-sha-512'])
    .meta({
      description:
        'How clients may log in: `scram-sha-256`, `scram-sha-512` (the password never crosses the network), `plain` (it does: with TLS only).',
      examples: [['scram-sha-512']],
    }),
  session_max: fields
    .duration({ min: 1000, max: 7 * 86_400_000 })
    .optional()
    .meta({
      description: 'Clients have to log in anew after this long (KIP-368). Without it never.',
      examples: ['1h'],
    }),
})

const user = z.strictObject({
  password: fields.secret().meta({
    description: 'Better from outside than in the file.',
    examples: [`\${env:ALICE_PASSWORD}`],
  }),
})

const quota = z
  .strictObject({
    user: principal()
      .optional()
      .meta({ description: 'Only this user. Without it each user by itself.', examples: ['alice'] }),
    client_id: z
      .string()
      .min(1)
      .max(249)
      .optional()
      .meta({ description: 'Only clients of this `client.id`.', examples: ['nightly-import'] }),
    produce: fields
      .size({ min: 1024 })
      .optional()
      .meta({ description: 'Bytes a second it may write.', examples: ['10MiB'] }),
    fetch: fields
      .size({ min: 1024 })
      .optional()
      .meta({ description: 'Bytes a second it may read.', examples: ['50MiB'] }),
  })
  .refine((entry) => entry.produce !== undefined || entry.fetch !== undefined, {
    error: 'a quota of what? give produce, fetch or both',
  })

const groups = z
  .strictObject({
    initial_rebalance_delay: fields
      .duration({ min: 0, max: 5 * 60_000 })
      .prefault('3s')
      .meta({
        description:
          'How long the first member of an empty group waits for others (`group.initial.rebalance.delay.ms`).',
      }),
    members_max: fields
      .count({ min: 1, max: 100_000 })
      .prefault('10k')
      .meta({ description: 'The most members of a group (`group.max.size`).' }),
    offsets_retention: fields.duration({ min: 60_000 }).prefault('7d').meta({
      description:
        'How long the offsets of a group without members are kept (`offsets.retention.minutes`). Those of sinks stay.',
    }),
    session_timeout: fields
      .duration({ min: 1000, max: 30 * 60_000 })
      .prefault('45s')
      .meta({
        description:
          'With `group.protocol=consumer`: a member that is silent for so long is out (`group.consumer.session.timeout.ms`). In the classic protocol each client says its own.',
      }),
    heartbeat_interval: fields
      .duration({ min: 100, max: 5 * 60_000 })
      .prefault('5s')
      .meta({
        description:
          'With `group.protocol=consumer`: how often members are told to ask (`group.consumer.heartbeat.interval.ms`).',
      }),
  })
  .refine(({ session_timeout, heartbeat_interval }) => heartbeat_interval < session_timeout, {
    path: ['heartbeat_interval'],
    error: 'a member that asks this seldom is out before: give less than session_timeout',
  })

/** A listener; all keys have defaults. */
const listener = z.strictObject({
  listen: fields.address().prefault('127.0.0.1:9092').meta({ description: 'Where Kafka clients connect.' }),
  advertise: fields
    .address()
    .optional()
    .meta({ description: 'The address clients are told to use, when it differs from `listen`.' }),
  connections_max: fields
    .count({ min: 1, max: 1_000_000 })
    .prefault('10k')
    .meta({ description: 'The most connections open at a time.' }),
  connections_per_address: fields
    .count({ min: 1, max: 1_000_000 })
    .optional()
    .meta({ description: 'The most connections of one address. Without it only all together count.' }),
  request_max: fields
    .size({ min: 64 * 1024, max: 2 ** 30 })
    .prefault('100MiB')
    .meta({ description: 'The largest request.' }),
  idle_max: fields
    .duration({ min: 1000, max: 86_400_000 })
    .prefault('10m')
    .meta({ description: 'A connection without requests is closed after this long.' }),
  quotas: z
    .array(quota)
    .max(1_000)
    .prefault([])
    .meta({
      description:
        'How fast clients may be; the most special entry counts. Who is faster is told to pause (KIP-219).',
      examples: [[{ user: 'alice', produce: '10MiB' }]],
    }),
  groups: groups.prefault({}).meta({ description: 'Consumer groups.' }),
  insecure: fields.flag().prefault(false).meta({
    description:
      'Other machines may connect although nothing asks them who they are. Without it that is refused.',
  }),
  tls: tls.optional().meta({ description: 'TLS 1.2 and up. Without it connections are plain.' }),
  sasl: sasl.optional().meta({ description: 'Clients log in. Without it nobody is asked.' }),
  users: z
    .record(fields.userName(), user)
    .prefault({})
    .meta({ description: 'Users and their passwords. More can be made with `kafka-configs`.' }),
  super_users: z
    .array(superUser())
    .prefault([])
    .meta({
      description: 'Users who may do everything. With them or `acls` the others need an ACL.',
      examples: [['admin']],
    }),
  acls: z.array(acl).max(10_000).optional().meta({
    description: 'Who may do what. More can be made with `kafka-acls`. Without this key everybody may.',
  }),
  allow_everyone_if_no_acl: fields.flag().prefault(false).meta({
    description: 'What no ACL is about is allowed to everybody (`allow.everyone.if.no.acl.found`).',
  }),
})

/** `off`, or a listener. */
export const kafka = z
  .union([z.literal('off'), z.literal(false).transform(() => 'off' as const), listener], {
    error: 'expected off or { listen: 127.0.0.1:9092 }',
  })
  .optional()
