// Why TLS handshakes of a server failed, as its log says.
import { systemCode } from '../../core/errors.ts'
import type { MemoryLogger } from '../sim/logger.ts'

/** A code each; one that took too long has ERR_TLS_HANDSHAKE_TIMEOUT. */
export function failedHandshakes({ lines }: MemoryLogger): readonly string[] {
  const failed = lines.filter(({ message }) => message === 'a TLS handshake failed')
  return failed.map(({ fields }) => systemCode(Reflect.get(fields, 'err')))
}
