/** Runs a script by its digest, and sends its source only where the server does not know it yet. */
import type { Driver } from './driver.ts'

export interface Script {
  readonly name: string
  readonly sha1: string
  readonly source: string
}

/**
 * EVALSHA, and EVAL after NOSCRIPT: a restart, a failover or SCRIPT FLUSH empties the script cache.
 * The first key names the node; all keys share its slot.
 */
export async function runScript(
  driver: Driver,
  { sha1, source }: Script,
  keys: readonly [string, ...string[]],
  args: readonly string[],
): Promise<unknown> {
  const rest = [String(keys.length), ...keys, ...args]
  try {
    return await driver.send(keys[0], false, ['EVALSHA', sha1, ...rest])
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
    return driver.send(keys[0], false, ['EVAL', source, ...rest])
  }
}
