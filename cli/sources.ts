// From the YAML to the inputs that are no files; what such an input needs is loaded only where there is one.

import { readFileSync } from 'node:fs'
import type { Source } from '../agent/source.ts'
import type { TransformOptions } from '../agent/transform/options.ts'
import type { InputConfig, InputConfigOf } from '../config/schema.ts'
import { LogdriveError } from '../core/errors.ts'
import type { ListenTls } from '../core/runtime.ts'
import { parseOptions } from './parsers.ts'

/** The sources of a configuration. Throws CONFIG_INVALID. An agent of files keeps all of this out of its memory. */
export async function sourcesOf(
  inputs: readonly (readonly [string, InputConfig])[],
): Promise<readonly Source[]> {
  const sources: Source[] = []
  for (const [name, input] of inputs) {
    const source = await sourceOf(name, input)
    if (source !== null) sources.push(source)
  }
  return sources
}

async function sourceOf(name: string, input: InputConfig): Promise<Source | null> {
  switch (input.type) {
    case 'file':
    case 'docker':
    case 'kubernetes':
      return null
    case 'host_metrics':
      return await hostMetricsSource(name, input)
    case 'stdin': {
      const { stdin } = await import('../agent/inputs/stdin.ts')
      const { standardInput } = await import('../runtime/byte-stream.ts')
      return stdin({ name, ...lineOptions(input) }, standardInput)
    }
    case 'exec':
      return await execSource(name, input)
    case 'journald':
      return await journaldSource(name, input)
    case 'syslog':
      return await syslogSource(name, input)
  }
}

interface LineKeys {
  readonly topic: string
  readonly line_bytes_max: number
  readonly parse?: Parameters<typeof parseOptions>[0] | undefined
  readonly transforms: readonly TransformOptions[]
}

function lineOptions({ topic, line_bytes_max: lineBytesMax, parse, transforms }: LineKeys) {
  return { topic, lineBytesMax, transforms, parse: parse === undefined ? null : parseOptions(parse) }
}

async function hostMetricsSource(name: string, input: InputConfigOf<'host_metrics'>): Promise<Source> {
  const { hostMetrics } = await import('../agent/host/input.ts')
  return hostMetrics({
    name,
    topic: input.topic,
    intervalMs: input.interval,
    scrapers: input.scrapers,
    perCpu: input.per_cpu,
    devices: input.devices,
    interfaces: input.interfaces,
    mounts: input.mounts,
    filesystems: input.filesystems,
  })
}

async function execSource(name: string, input: InputConfigOf<'exec'>): Promise<Source> {
  const { exec } = await import('../agent/inputs/exec.ts')
  const { nodeProcesses } = await import('../runtime/processes.ts')
  const words = input.shell === undefined ? (input.command ?? []) : ['/bin/sh', '-c', input.shell]
  const [program = '', ...rest] = words
  return exec(
    {
      name,
      ...lineOptions(input),
      program,
      arguments: rest,
      environment: { ...allowed(input.environment), ...input.variables },
      folder: input.folder ?? null,
      intervalMs: input.interval ?? null,
      timeoutMs: input.timeout,
      outputBytesMax: input.output_bytes_max,
      stderr: input.stderr,
    },
    nodeProcesses,
  )
}

async function journaldSource(name: string, input: InputConfigOf<'journald'>): Promise<Source> {
  const { journald } = await import('../agent/inputs/journal/input.ts')
  const { nodeProcesses } = await import('../runtime/processes.ts')
  const { topic, units, matches, since, fields, program, directory = null, transforms } = input
  const parse = input.parse === undefined ? null : parseOptions(input.parse)
  const what = {
    units,
    matches,
    since,
    directory,
    fields,
    parse,
    transforms,
    valueBytesMax: input.line_bytes_max,
  }
  const environment = { ...allowed(['PATH']), LC_ALL: 'C' }
  return journald({ name, topic, program, environment, ...what }, nodeProcesses)
}

async function syslogSource(name: string, input: InputConfigOf<'syslog'>): Promise<Source> {
  const { syslog } = await import('../agent/inputs/syslog/input.ts')
  const { nodeDatagrams } = await import('../runtime/datagrams.ts')
  const { topic, listen, protocols, framing, tls, parse, transforms } = input
  const bounds = {
    messageBytesMax: input.line_bytes_max,
    connectionsMax: input.connections_max,
    receiveBufferBytes: input.receive_buffer,
  }
  const options = {
    ...{ name, topic, listen, protocols, framing, transforms, ...bounds },
    parse: parse === undefined ? ({ type: 'syslog' } as const) : parseOptions(parse),
    tls: tls === undefined ? null : listenTls(tls),
  }
  return syslog(options, nodeDatagrams)
}

function listenTls(tls: NonNullable<InputConfigOf<'syslog'>['tls']>): ListenTls {
  const read = (path: string, key: string) => {
    try {
      return readFileSync(path, 'utf8')
    } catch (error) {
      throw new LogdriveError('CONFIG_INVALID', `tls.${key}: ${path} cannot be read`, { cause: error })
    }
  }
  return {
    cert: read(tls.cert, 'cert'),
    key: read(tls.key, 'key'),
    clientCa: tls.client_ca === undefined ? null : read(tls.client_ca, 'client_ca'),
    clientAuth: tls.client_ca === undefined ? 'none' : 'require',
  }
}

/** Variables of our environment that are there and may be handed on. */
function allowed(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value] as const]
    }),
  )
}
