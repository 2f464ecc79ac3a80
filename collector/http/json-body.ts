// JSON bodies of our own routes: an object within bounds, or an error that says what is wrong.
import { isUtf8 } from 'node:buffer'
import { LogdriveError } from '../../core/errors.ts'
import { isRecord } from './event-fields.ts'
import { checkJson, JsonFault } from './json-scan.ts'

/** The JSON object of a body. Throws REQUEST_INVALID for what is not JSON, SCHEMA_INVALID for another value. */
export function parseBody(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  if (!isUtf8(bytes)) throw new LogdriveError('REQUEST_INVALID', 'the body is not UTF-8')
  try {
    // Bounds the depth before anything recursive may meet it.
    checkJson(bytes, 0, bytes.length)
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error
    throw new LogdriveError('REQUEST_INVALID', `the body is not JSON: ${error.message}`, { cause: error })
  }
  const body: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
  if (!isRecord(body)) throw schemaInvalid('the body must be a JSON object')
  return body
}

/** SCHEMA_INVALID with a sentence. */
export function schemaInvalid(message: string): LogdriveError {
  return new LogdriveError('SCHEMA_INVALID', message, { hint: 'docs/http.md shows what the route takes.' })
}
