/** Sessions in Redis or Valkey: reads are plain GETs, each write is one script. */
import { optionError } from '../core/errors.ts'
import type { ActivityStore } from '../core/activity-store.ts'
import { asHandle } from '../core/id.ts'
import type { Handle } from '../core/id.ts'
import type {
  Adoption,
  Increment,
  IncrementOutcome,
  Patch,
  ReferenceStore,
  Store,
  Succession,
  Taken,
  Tombstone,
  UpdateOutcome,
  UserStore,
} from '../core/store.ts'
import type { StoreHealth } from '../core/store-health.ts'
import type { UserKey } from '../core/user.ts'
import type { Watch, WatchListener } from '../core/watch.ts'
import { RedisActivity } from './activity.ts'
import { RedisChannel } from './channel.ts'
import { driverOf } from './driver.ts'
import type { Driver, RedisClient } from './driver.ts'
import { examine } from './examine.ts'
import { faultOf, isWrongType } from './fault.ts'
import {
  adoptionKeys,
  checkedPrefix,
  keysOf,
  markerKey,
  pinKey,
  revokedChannel,
  sessionKey,
} from './keys.ts'
import { RedisReferences } from './references.ts'
import { patchArguments, patchOutcome, updating } from './patch.ts'
import { overUrl } from './over-url.ts'
import { Replication } from './replication.ts'
import { foreignReply, outcomeIn, textIn } from './reply.ts'
import { runScript } from './script.ts'
import * as scripts from './scripts.generated.ts'
import { Tracking } from './tracking.ts'
import { RedisUsers } from './users.ts'

export interface RedisStoreOptions {
  /** Your client: ioredis or iovalkey (`Redis`, `Cluster`), node-redis (`createClient`, `createCluster`, `createSentinel`). */
  readonly client?: RedisClient
  /** Instead of a client: `redis://` or `rediss://`; the store connects with whichever client is installed. */
  readonly url?: string
  /** Starts every key. Default `'hs:'`. */
  readonly prefix?: string
}

/** Options of other libraries, by what they are called here. */
const ELSEWHERE = new Map(
  Object.entries({
    ttl: 'use idleTimeout of createSessions',
    disableTTL: 'leave it out: every key has an end',
    disableTouch: 'use touchInterval of createSessions',
    serializer: 'use codec of createSessions',
    serialize: 'use codec of createSessions',
    host: 'use url',
    port: 'use url',
    socket: 'use url',
    db: 'use url',
    scanCount: 'leave it out: keys are never scanned',
  }),
)

/**
 * Keeps sessions in Redis 6.2 or later, or Valkey, standalone, behind Sentinel, or on a Cluster.
 * Throws ERR_OPTION.
 *
 * @example
 * createSessions({ store: redisStore({ client: new Redis() }) })
 */
export function redisStore(options: RedisStoreOptions): Store {
  if (typeof options !== 'object' || options === null)
    throw optionError('redisStore takes an object with a client or a url.')
  const { client, url, prefix = 'hs:', ...unknown } = options
  const [name] = Object.keys(unknown)
  if (name !== undefined)
    throw optionError(
      `redisStore has no option '${name}': ${ELSEWHERE.get(name) ?? 'it takes client or url, and prefix'}.`,
    )
  checkedPrefix(prefix)
  if (client !== undefined && url === undefined) return new RedisStore(prefix, driverOf(client))
  if (client === undefined && typeof url === 'string' && /^rediss?:\/\//.test(url)) {
    return new RedisStore(prefix, ...overUrl(url))
  }
  throw optionError('redisStore needs either a client or a url such as redis://localhost:6379.')
}

class RedisStore implements Store {
  readonly users: UserStore
  readonly references: ReferenceStore
  readonly activity: ActivityStore
  readonly revocations: RedisChannel
  readonly health: StoreHealth
  readonly #prefix: string
  readonly #driver: Driver
  readonly #replication: Replication
  readonly #update: ReturnType<typeof updating>
  readonly #watches = new Set<Tracking>()
  readonly #close: (() => Promise<void>) | undefined

  constructor(prefix: string, driver: Driver, close?: () => Promise<void>) {
    this.#prefix = prefix
    this.#driver = driver
    this.#replication = new Replication(prefix, driver)
    this.#update = updating(prefix, driver)
    this.users = new RedisUsers(prefix, driver, this.#replication)
    this.references = new RedisReferences(prefix, driver)
    this.activity = new RedisActivity(prefix, driver)
    this.revocations = new RedisChannel(revokedChannel(prefix), driver)
    this.health = {
      ping: () =>
        driver.sendAlong(markerKey(prefix, 'AAA', ''), ['PING']).catch((error: unknown) => {
          // Who refuses (NOPERM) answers.
          if (faultOf(error) !== 'refused') throw error
        }),
      examine: () => examine(driver, prefix),
      faultOf,
    }
    this.#close = close
  }

  async load(handle: Handle): Promise<string | undefined> {
    const key = sessionKey(this.#prefix, handle)
    try {
      return textIn(await this.#driver.get(key)) ?? undefined
    } catch (error) {
      // Something stands there that is no string: a foreign key, which the caller will find unreadable.
      if (isWrongType(error)) return ''
      throw error
    }
  }

  async create(handle: Handle, document: string, ttl: number): Promise<'created' | 'taken'> {
    const key = sessionKey(this.#prefix, handle)
    const reply = await this.#driver.send(key, false, [
      'SET',
      key,
      document,
      'PX',
      String(ttl),
      'NX',
    ])
    return reply === null ? 'taken' : outcomeIn(reply, 'OK') && 'created'
  }

  async pin(name: string, handle: Handle | undefined, ttl: number): Promise<Handle | undefined> {
    const key = pinKey(this.#prefix, name)
    const reply = await runScript(this.#driver, scripts.pin, [key], [handle ?? '', String(ttl)])
    const settled = asHandle(reply)
    if (settled === undefined && reply !== '') throw foreignReply('a handle')
    return settled
  }

  async adopt(handle: Handle, adoption: Adoption): Promise<'adopted' | 'known'> {
    const { document, ttl, now, markTtl } = adoption
    const keys = adoptionKeys(this.#prefix, handle, adoption.owner)
    const args = [document, ...[ttl, now, markTtl].map(String)]
    const reply = await runScript(this.#driver, scripts.adopt, keys, args)
    return outcomeIn(reply, 'adopted', 'known')[0]
  }

  update(handle: Handle, patch: Patch): Promise<UpdateOutcome> {
    return this.#update({ handle, patch })
  }

  async increment(handle: Handle, step: Increment): Promise<IncrementOutcome> {
    const { now, revision, name, by, maxBytes, owner } = step
    const args = [String(now), revision, name, String(by), String(maxBytes)]
    const keys = keysOf(this.#prefix, handle, owner)
    const reply = await runScript(this.#driver, scripts.increment, keys, args)
    const kinds = ['incremented', 'not-integer', 'too-large', 'gone'] as const
    const [kind, value] = outcomeIn(reply, ...kinds)
    return kind === 'incremented' ? { kind, value: Number(value) } : { kind }
  }

  async touch(handle: Handle, now: number, owner?: UserKey): Promise<'touched' | 'gone'> {
    const reply = runScript(this.#driver, scripts.touch, keysOf(this.#prefix, handle, owner), [
      String(now),
    ])
    return outcomeIn(await reply, 'touched', 'gone')[0]
  }

  async regenerate(
    handle: Handle,
    patch: Patch,
    succession: Succession,
  ): Promise<UpdateOutcome | Taken> {
    const { successor, tombstone, fresh } = succession
    const [key, ...index] = keysOf(this.#prefix, handle, patch.owner)
    const keys = [key, sessionKey(this.#prefix, successor), ...index] as const
    const document = [fresh?.document ?? '', String(fresh?.ttl ?? '')]
    const args = [...argumentsOf(tombstone), ...document, ...patchArguments(patch)]
    const reply = await runScript(this.#driver, scripts.regenerate, keys, args)
    const isTaken = Array.isArray(reply) && reply[0] === 'taken'
    return isTaken ? { kind: 'taken' } : patchOutcome(reply)
  }

  async end(
    handle: Handle,
    tombstone: Tombstone | undefined,
    owner?: UserKey,
  ): Promise<'ended' | 'absent'> {
    const keys = keysOf(this.#prefix, handle, owner)
    const args = tombstone ? argumentsOf(tombstone) : []
    const reply = runScript(this.#driver, scripts.end, keys, args)
    return outcomeIn(await reply, 'ended', 'absent')[0]
  }

  async claim(
    handle: Handle,
    tombstone: Tombstone,
    now: number,
    owner?: UserKey,
  ): Promise<string | undefined> {
    const args = [...argumentsOf(tombstone), String(now)]
    const reply = await runScript(
      this.#driver,
      scripts.claim,
      keysOf(this.#prefix, handle, owner),
      args,
    )
    const [kind, document] = outcomeIn(reply, 'claimed', 'gone')
    return kind === 'claimed' ? document : undefined
  }

  watch(listener: WatchListener, interval: number): Watch {
    const watch = new Tracking(this.#driver, this.#prefix, listener, interval)
    this.#watches.add(watch)
    return watch
  }

  /** A client that was given stays open: it belongs to the application. */
  async close(): Promise<void> {
    this.#replication.close()
    for (const watch of this.#watches) watch.close()
    await this.revocations.close()
    await this.#close?.()
  }
}

function argumentsOf({ document, ttl }: Tombstone): [string, string] {
  return [document, String(ttl)]
}
