// The agent's own id: made once, kept in a file of its own and in the checkpoints, so that losing one loses no identity.
import { isCode, LogdriveError } from '../../core/errors.ts'
import type { Runtime } from '../../core/runtime.ts'

const fileBytesMax = 4096
const pattern = /^[0-9a-f-]{36}$/

/** Where else the id is kept. */
export interface IdKeeper {
  readonly agentId: string | null
  putAgentId(id: string): void
}

/**
 * The id of the agent of a state folder. Where the folder has none and cannot be written to, it throws (FORBIDDEN,
 * DISK_FULL): with another id at each start everything would be shipped again each time.
 */
export async function openAgentId(
  folder: string,
  keeper: IdKeeper,
  runtime: Pick<Runtime, 'storage' | 'random' | 'logger'>,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  const { storage, random, logger } = runtime
  const path = `${folder}/agent-id`
  const found = await readId(path, storage)
  if (found !== null && pattern.test(found)) {
    keeper.putAgentId(found)
    return { id: found, isNew: false }
  }
  const kept = keeper.agentId !== null && pattern.test(keeper.agentId) ? keeper.agentId : null
  if (kept !== null) logger.warn({ path }, 'the agent id was lost and is taken from the checkpoints')
  else if (found !== null)
    logger.error(
      { path },
      'the agent id is unreadable; a new one is made, files are shipped from their start again',
    )
  const id = kept ?? random.uuid()
  try {
    await write(folder, path, id, storage)
  } catch (error) {
    if (kept === null || !(error instanceof LogdriveError)) throw error
    logger.error({ err: error, path }, 'the agent id cannot be written; it is still in the checkpoints')
  }
  keeper.putAgentId(id)
  return { id, isNew: kept === null }
}

/** Null where there is no file. */
async function readId(path: string, storage: Runtime['storage']): Promise<string | null> {
  try {
    await using file = await storage.open(path, 'read')
    const bytes = new Uint8Array(Math.min(file.size, fileBytesMax))
    return Buffer.from(bytes.subarray(0, await file.read(0, bytes)))
      .toString('latin1')
      .trim()
  } catch (error) {
    if (isCode(error, 'NOT_FOUND')) return null
    throw error
  }
}

async function write(folder: string, path: string, id: string, storage: Runtime['storage']): Promise<void> {
  {
    await using file = await storage.open(`${path}.new`, 'write')
    await file.truncate(0)
    await file.write(0, [Buffer.from(`${id}\n`)])
    await file.sync()
  }
  await storage.rename(`${path}.new`, path)
  await storage.syncDirectory(folder)
}
