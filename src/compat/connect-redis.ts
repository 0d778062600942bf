/**
 * Takes the place of connect-redis, majors 3 to 10: one store class in every form that a major had.
 *
 * @example
 * import session from 'express-session'
 * import { RedisStore } from 'handstamp/compat/connect-redis'
 *
 * app.use(session({ store: new RedisStore({ client }), secret, resave: false, saveUninitialized: false }))
 */
import { EventEmitter } from 'node:events'
import { HandstampError, optionError } from '../core/errors.ts'
import type {
  RedisStoreClass,
  RedisStoreOptions,
  SessionRecord,
  RedisStore as Store,
} from './connect-redis/options.ts'
import { storeOver } from './connect-redis/store.ts'
import type { StoreBase } from './connect-redis/store.ts'
import { loadPeer } from './peer.ts'

export type {
  Callback,
  RedisStoreClass,
  RedisStoreOptions,
  Serializer,
  SessionCookie,
  SessionRecord,
  Ttl,
} from './connect-redis/options.ts'

export type RedisStore = Store

export interface RedisStoreExport {
  /** Majors 7 to 10: throws ERR_OPTION for options that cannot be meant. */
  new <Session extends object = SessionRecord>(
    options?: RedisStoreOptions<[session: Session]>,
  ): RedisStore
  /** Majors 3 to 6: the class, on the Store of this express-session. */
  (session: { readonly Store: unknown }): RedisStoreClass
  readonly prototype: RedisStore
  readonly RedisStore: RedisStoreExport
  readonly default: RedisStoreExport
}

/**
 * The class, and the function that returns it:
 *
 * - `new RedisStore(options)` stands on the Store of the express-session that is installed, which is
 *   loaded at the first use; without one, under `@fastify/session`, it needs none.
 * - `RedisStore(session)` stands on the Store of the express-session that it is given.
 */
export const RedisStore: RedisStoreExport = new Proxy(function Store() {}, {
  construct: (_target, options, newTarget) =>
    Reflect.construct(installedClass(), options, newTarget) as object,
  apply: (_target, _this, [session]) => classOver(session),
  // What a class of the application extends, and what instanceof looks for.
  get: (target, name, receiver) =>
    name === 'prototype' ? installedClass().prototype : Reflect.get(target, name, receiver),
}) as unknown as RedisStoreExport
Object.defineProperty(RedisStore, 'name', { value: 'RedisStore' })
Object.assign(RedisStore, { RedisStore, default: RedisStore })

export { RedisStore as default, RedisStore as 'module.exports' }

let installed: RedisStoreClass | undefined

function installedClass(): RedisStoreClass {
  installed ??= storeOver(installedBase(), (_store, session) => [session])
  return installed
}

function installedBase(): StoreBase {
  try {
    const { Store } = loadPeer('express-session', 'RedisStore') as { Store: StoreBase }
    return Store
  } catch (error) {
    if (error instanceof HandstampError) return EventEmitter as unknown as StoreBase
    throw error
  }
}

function classOver(session: unknown): RedisStoreClass {
  const { Store } = (session ?? {}) as { Store?: unknown }
  if (typeof Store !== 'function')
    throw optionError(
      'RedisStore is made with new, or from express-session: `connectRedis(require("express-session"))`.',
    )
  return storeOver(Store as StoreBase, (...args) => args)
}
