/** A store with a near cache in front: reads fill it, and no write leaves behind what it has changed. */
import { HandstampError } from './errors.ts'
import type { SessionEmitter } from './events.ts'
import type { Handle } from './id.ts'
import { NearCache, nearCacheRules } from './near-cache.ts'
import type { NearCacheOptions } from './near-cache.ts'
import type { Store } from './store.ts'

/** The store as the engine is to use it. Throws ERR_OPTION. */
export function withNearCache(
  store: Store,
  option: boolean | NearCacheOptions | undefined,
  events: SessionEmitter,
): { readonly store: Store; readonly nearCache: NearCache | undefined } {
  const rules = nearCacheRules(option)
  if (!rules) return { store, nearCache: undefined }
  const nearCache = new NearCache(rules, store, (cause) =>
    events.tell('storeFailed', { operation: 'watch', error: lostError(cause) }),
  )
  // Those of this process, evictions included; and of others, where it listens, whatever the store can tell.
  events.on('revoked', ({ handle }) => nearCache.forget(handle))
  return { store: nearStore(store, nearCache), nearCache }
}

function lostError(cause: unknown): HandstampError {
  return new HandstampError(
    'ERR_STORE',
    'The connection on which Redis tells changes failed. Until there is one again, the near cache serves a ' +
      'session only for maxStaleness from its reading.',
    { cause },
  )
}

/**
 * The same store, strict as before: `load` always asks, and only `NearCache.find` serves what it has
 * read. A session is doubtful from the beginning of a write, so that nobody here reads it as due for a
 * touch that is under way, and forgotten when the write is done: what was read in between may be from
 * before. Where the write failed it stays doubtful.
 */
function nearStore(store: Store, cache: NearCache): Store {
  const writing = async <Outcome>(
    handles: readonly (Handle | undefined)[],
    write: () => Promise<Outcome>,
  ): Promise<Outcome> => {
    const known = handles.filter((handle) => handle !== undefined)
    for (const handle of known) cache.doubt(handle)
    try {
      const outcome = await write()
      for (const handle of known) cache.forget(handle)
      return outcome
    } catch (error) {
      for (const handle of known) cache.doubt(handle)
      throw error
    }
  }
  const load = (handle: Handle): Promise<string | undefined> => store.load(handle)
  return {
    load: (handle) => cache.through(handle, load),
    create: (handle, ...rest) => writing([handle], () => store.create(handle, ...rest)),
    pin: (...rest) => store.pin(...rest),
    adopt: (handle, adoption) => writing([handle], () => store.adopt(handle, adoption)),
    update: (handle, patch) => writing([handle], () => store.update(handle, patch)),
    increment: (handle, step) => writing([handle], () => store.increment(handle, step)),
    touch: (handle, ...rest) => writing([handle], () => store.touch(handle, ...rest)),
    regenerate: (handle, patch, next) =>
      writing([handle, next.successor], () => store.regenerate(handle, patch, next)),
    end: (handle, ...rest) => writing([handle], () => store.end(handle, ...rest)),
    claim: (handle, ...rest) => writing([handle], () => store.claim(handle, ...rest)),
    users: {
      admit: (handle, admission) =>
        writing([handle, admission.before?.handle], () => store.users.admit(handle, admission)),
      list: (...rest) => store.users.list(...rest),
      count: (...rest) => store.users.count(...rest),
      end: (...rest) => store.users.end(...rest),
      bar: (...rest) => store.users.bar(...rest),
      confirm: (ended) => store.users.confirm(ended),
    },
    references: store.references,
    activity: store.activity,
    revocations: store.revocations,
    ...(store.health ? { health: store.health } : {}),
    close: () => {
      cache.close()
      return store.close()
    },
  }
}
