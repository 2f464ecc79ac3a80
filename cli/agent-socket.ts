// The socket in an agent's state folder: whoever connects gets the status as JSON. Both ends of it.

import { once } from 'node:events'
import { chmod, lstat, unlink } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { resolve } from 'node:path'
import { LogdriveError } from '../core/errors.ts'
import type { Logger } from '../core/runtime.ts'

/** sockaddr_un has 108 bytes, the last of them NUL. */
const pathBytesMax = 107
/** Who connects and does not read is cut off after this. */
const stallMs = 5000
const answerMs = 10_000
const answerBytesMax = 256 * 1024 * 1024

/** Where the socket of a state folder is. */
export function socketPath(stateFolder: string): string {
  return resolve(stateFolder, 'status.sock')
}

/**
 * Answers with `status` until disposal; only the user of the agent may ask (mode 0600). Where no socket can be made, that is
 * said and the agent runs without. What a dead agent left is removed: call it with the lock of the folder.
 */
export async function serveStatus(
  stateFolder: string,
  status: () => object,
  logger: Logger,
): Promise<AsyncDisposable | null> {
  const path = socketPath(stateFolder)
  try {
    checkLength(path)
    const found = await lstat(path).catch(() => null)
    if (found?.isSocket()) await unlink(path)
    return await listen(path, status)
  } catch (error) {
    const hint = error instanceof LogdriveError ? error.hint : null
    logger.warn({ err: error, path, hint }, 'no socket for "logdrive agent status"; the agent runs without')
    return null
  }
}

/** Asks the agent of a state folder. Throws UNAVAILABLE when none runs, FORBIDDEN when it is another user's. */
export async function askStatus(stateFolder: string, signal: AbortSignal): Promise<unknown> {
  const path = socketPath(stateFolder)
  checkLength(path)
  const socket = connect(path)
  const timer = setTimeout(() => socket.destroy(new Error(`no answer in ${answerMs} ms`)), answerMs)
  const abort = () => socket.destroy()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return JSON.parse(await readAll(socket))
  } catch (error) {
    signal.throwIfAborted()
    throw askError(path, error)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
    socket.destroy()
  }
}

async function listen(path: string, status: () => object): Promise<AsyncDisposable> {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    // Who goes away early is no trouble of ours.
    socket.on('error', () => socket.destroy())
    socket.setTimeout(stallMs, () => socket.destroy())
    socket.end(`${JSON.stringify(status())}\n`)
  })
  server.maxConnections = 16
  server.listen(path)
  await once(server, 'listening')
  await chmod(path, 0o600)
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of socket) {
    size += chunk.length
    if (size > answerBytesMax) throw new Error(`the answer is longer than ${answerBytesMax} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function checkLength(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes <= pathBytesMax) return
  throw new LogdriveError('CONFIG_INVALID', `${path} has ${bytes} bytes: a socket takes ${pathBytesMax}`, {
    hint: 'Give agent.state a shorter path, or ask /metrics (agent.metrics.listen).',
  })
}

function askError(path: string, error: unknown): LogdriveError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    const why = code === 'ENOENT' ? 'there is no socket' : 'the one that made the socket is gone'
    return new LogdriveError('UNAVAILABLE', `no agent runs with this state folder: ${path}: ${why}`, {
      hint: 'Start one: logdrive agent -c FILE. One that runs is named by its FILE here too, or by --state DIR.',
      cause: error,
    })
  }
  if (code === 'EACCES') {
    const hint = 'Ask as the user that runs the agent, or as root.'
    return new LogdriveError('FORBIDDEN', `${path}: another user's agent`, { hint, cause: error })
  }
  const why = error instanceof Error ? error.message : String(error)
  return new LogdriveError('UNAVAILABLE', `${path}: ${why}`, { cause: error })
}
