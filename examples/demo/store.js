/** Where the demo keeps its sessions. */
import { memoryStore } from 'handstamp/memory'
import { redisStore } from 'handstamp/redis'

const PREFIX = 'demo:'

/**
 * Redis where a URL is given, else the memory of this process; the rest of the demo knows no
 * difference. `keyOf` names a session's key, for those who want to look at it with redis-cli.
 *
 * @param {string} [url]
 * @returns {{ store: import('handstamp').Store, place: string, keyOf?: (handle: string) => string }}
 */
export function chooseStore(url) {
  if (!url) return { store: memoryStore(), place: 'the memory of this process' }
  const store = redisStore({ url, prefix: PREFIX })
  return {
    store,
    // The host alone: a URL may hold a password.
    place: `Redis at ${new URL(url).host}`,
    keyOf: (handle) => `${PREFIX}{${handle.slice(0, 3)}}:${handle.slice(3)}`,
  }
}
