// The sinks that are built in. Importing this loads their code: an agent must not.

import { clickhouseSink } from '../sinks/clickhouse/sink.ts'
import type { SinkType } from '../sinks/define.ts'
import { fileSink } from '../sinks/file/sink.ts'
import { stdoutSink, type WriteText } from '../sinks/stdout/sink.ts'

/** Every built-in type of sink. `writeText` is where the stdout sink writes. */
export function sinkTypes(writeText: WriteText): readonly SinkType[] {
  return [clickhouseSink, fileSink, stdoutSink(writeText)]
}

/** The same for who only reads their schemas. */
export function sinkSchemas(): readonly SinkType[] {
  return sinkTypes(async () => undefined)
}
