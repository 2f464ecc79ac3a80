// Why a server could not listen, in our words.
import { LogdriveError } from '../core/errors.ts'
import type { Address } from '../core/runtime.ts'

/** PORT_TAKEN, FORBIDDEN or CONFIG_INVALID for what node says about a listening socket. */
export function listenError(error: NodeJS.ErrnoException, address: Address): LogdriveError {
  const where = `${address.host}:${address.port}`
  if (error.code === 'EADDRINUSE') {
    return new LogdriveError('PORT_TAKEN', `${where} is already in use`, {
      cause: error,
      hint: 'Stop the other process or choose another port in the configuration.',
    })
  }
  if (error.code === 'EACCES') {
    const hint = 'Ports below 1024 need a right of their own; choose a higher one.'
    return new LogdriveError('FORBIDDEN', `may not listen on ${where}`, { cause: error, hint })
  }
  const hint = 'Check the host in the configuration: it must be an address of this machine.'
  return new LogdriveError('CONFIG_INVALID', `cannot listen on ${where}: ${error.message}`, {
    cause: error,
    hint,
  })
}
