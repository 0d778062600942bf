/** What the compiler knows of a session and of Redis clients: checked by tsc, never run. */
import { Cluster as Cluster6, Redis as Redis6 } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import { Cluster as ValkeyCluster, Redis as Valkey } from 'iovalkey'
import { createClient, createCluster, createSentinel } from 'redis'
import {
  createClient as createClient5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from 'redis5'
import { createSessions } from '../../src/index.ts'
import type {
  ErrorCode,
  Handle,
  HandstampError,
  Session,
  SessionId,
  SessionMeta,
  Sessions,
  SessionsOptions,
} from '../../src/index.ts'
import type { ReservedName } from '../../src/core/reserved.ts'
import { memoryStore } from '../../src/memory/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import type { RedisClient } from '../../src/redis/index.ts'

/** True exactly where both types are the same, `any` and optionality included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

function same<A, B>(_is: Same<A, B>): void {}

interface Cart {
  items: string[]
}

interface Data {
  user: string
  views: number
  cart: Cart
  flag?: boolean
}

declare const session: Session<Data>
declare const sessions: Sessions<Data>

// Names of verbs cannot be fields.
same<
  Parameters<typeof createSessions<{ user: string }>>[0],
  SessionsOptions<{ user: string }> | undefined
>(true)
createSessions<Data>()
// @ts-expect-error save is a verb
createSessions<{ save: string }>()
// @ts-expect-error meta is taken
createSessions<{ user: string; meta: object }>()
// @ts-expect-error signIn is to be a verb
createSessions<{ signIn?: Date }>()
// @ts-expect-error @ holds the metadata in the store
createSessions<{ '@': number }>()
// @ts-expect-error data are an object
createSessions<string>()
same<
  ReservedName,
  | '@'
  | '__proto__'
  | 'meta'
  | 'save'
  | 'reload'
  | 'touch'
  | 'discard'
  | 'regenerate'
  | 'destroy'
  | 'setLifetime'
  | 'update'
  | 'increment'
  | 'take'
  | 'signIn'
  | 'signOut'
  | 'reauthenticate'
  | 'requireFresh'
  | 'csrfToken'
  | 'verifyCsrf'
>(true)

// Each field has its type, and may be absent.
same<Session<Data>['user'], string | undefined>(true)
same<Session<Data>['views'], number | undefined>(true)
same<Session<Data>['cart'], Cart | undefined>(true)
same<Session<Data>['flag'], boolean | undefined>(true)
session.user = 'ann'
session.user = undefined
delete session.user
session.cart?.items.push('a')
// @ts-expect-error the wrong type
session.user = 5
// @ts-expect-error possibly undefined
void session.user.length
// @ts-expect-error possibly undefined
session.views += 1
// @ts-expect-error no such field
session.usr = 'ann'
// @ts-expect-error the metadata are read-only
session.meta = {} as SessionMeta
// @ts-expect-error so is each of them
session.meta.isNew = true

// Without a type of its own a session holds whatever.
declare const anything: Session
same<(typeof anything)['whatever'], unknown>(true)
anything['whatever'] = 5

// Verbs know the fields.
same<ReturnType<typeof session.increment>, Promise<number>>(true)
void session.increment('views', 2)
// @ts-expect-error the step is a number
void session.increment('views', '2')
// @ts-expect-error no such field
void session.increment('vews')
// @ts-expect-error a verb is no field
void session.increment('save')

const updated = session.update('cart', (cart) => {
  same<typeof cart, Cart | undefined>(true)
  return { items: [...(cart?.items ?? []), 'a'] }
})
same<typeof updated, Promise<Cart | undefined>>(true)
void session.update('cart', async () => undefined)
void session.update('views', (views = 0) => views + 1)
// @ts-expect-error the wrong type
void session.update('cart', () => 5)
// @ts-expect-error the wrong type, promised
void session.update('views', async () => 'many')
// @ts-expect-error no such field
void session.update('carts', () => undefined)

const taken = session.take('user')
same<typeof taken, Promise<string | undefined>>(true)
// @ts-expect-error no such field
void session.take('usr')

void session.save()
void session.save((error) => same<typeof error, unknown>(true))
void session.regenerate()
void session.regenerate(() => undefined)
void session.regenerate({ keepData: true, grace: '10s' })
void session.regenerate({ grace: 10_000 }, () => undefined)
// @ts-expect-error a unit is missing
void session.regenerate({ grace: '10' })
// @ts-expect-error a typing error
void session.regenerate({ keepdata: true })
session.setLifetime({ idleTimeout: '30d', absoluteTimeout: 86_400_000, persistent: true })
// @ts-expect-error an option of other libraries
session.setLifetime({ maxAge: 5 })

// Ids and handles are not interchangeable, and no text is either of them.
same<SessionMeta['id'], SessionId | undefined>(true)
same<SessionMeta['handle'], Handle | undefined>(true)
same<SessionMeta['createdAt'], Date>(true)
// @ts-expect-error an id is no handle
const handle: Handle = '' as SessionId
// @ts-expect-error a text is no id
const id: SessionId = 'abc'
void [handle, id]

// The engine.
same<ReturnType<typeof sessions.getSession>, Promise<Session<Data>>>(true)
void sessions.getSession({})
// @ts-expect-error a request is an object
void sessions.getSession('request')
createSessions<Data>({
  validate: (stored, request) => {
    same<typeof stored, Session<Data>>(true)
    same<typeof request, unknown>(true)
    return stored.user !== undefined
  },
  beforeSave: (stored) => {
    stored.views = (stored.views ?? 0) + 1
  },
  onConflict: (field, { base, theirs, mine }) => {
    same<typeof field, string>(true)
    return base === theirs ? mine : theirs
  },
  generateId: async (request) => {
    same<typeof request, unknown>(true)
    return ''
  },
})
// @ts-expect-error a typing error
createSessions({ idleTimout: '1h' })
// @ts-expect-error an option of other libraries
createSessions({ resave: false })
// @ts-expect-error a unit is missing
createSessions({ idleTimeout: '3600' })
// @ts-expect-error no such way
createSessions({ onConflict: 'first-wins' })
// @ts-expect-error one spelling is enough
createSessions({ cookie: { sameSite: 'Lax' } })
// @ts-expect-error durations are not written in words
createSessions({ idleTimeout: '30 minutes' })

sessions.events.on('conflict', ({ handle: where, fields }) => {
  same<typeof where, Handle>(true)
  same<typeof fields, readonly string[]>(true)
})
sessions.events.on('dropped', ({ reason }) => {
  same<typeof reason, 'gone' | 'moved' | 'ended' | 'head-sent' | 'too-large'>(true)
})
// @ts-expect-error no such event
sessions.events.on('conflicts', () => undefined)

// Errors can be told apart without a default.
declare const error: HandstampError
same<typeof error.code, ErrorCode>(true)
if (error.code === 'ERR_CONFLICT') same<typeof error.fields, readonly string[]>(true)
// @ts-expect-error no such code
if (error.code === 'ERR_NOTHING') void error

// Every client that is supported is taken as it is, without a cast.
const clients: RedisClient[] = [
  new Redis6(),
  new Cluster6([]),
  new Redis5(),
  new Cluster5([]),
  new Valkey(),
  new ValkeyCluster([]),
  createClient(),
  createClient({ RESP: 3 }),
  createCluster({ rootNodes: [] }),
  createSentinel({ name: '', sentinelRootNodes: [] }),
  createClient5(),
  createClient5({ RESP: 3 }),
  createCluster5({ rootNodes: [] }),
  createSentinel5({ name: '', sentinelRootNodes: [] }),
]
for (const client of clients) redisStore({ client, prefix: 'app:' })
redisStore({ client: new Redis6() })
redisStore({ client: createClient() })
redisStore({ client: createCluster({ rootNodes: [] }) })
redisStore({ client: createSentinel({ name: '', sentinelRootNodes: [] }) })
redisStore({ url: 'rediss://localhost' })
// @ts-expect-error a store is no client
redisStore({ client: memoryStore() })
// @ts-expect-error the options of a client are none
redisStore({ client: { host: 'localhost' } })
// @ts-expect-error an option of other libraries
redisStore({ client: new Redis6(), ttl: 60 })
// @ts-expect-error a number of sessions
memoryStore({ maxSessions: '1000' })
