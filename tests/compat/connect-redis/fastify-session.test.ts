/** The store inside the real @fastify/session. */
import cookie, { Signer } from '@fastify/cookie'
import fastifySession from '@fastify/session'
import type { SessionStore } from '@fastify/session'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { RedisStore } from '../../../src/compat/connect-redis.ts'
import { inBatches } from '../../support/engines.ts'
import { freshPrefix, redisServers } from '../../support/redis.ts'
import { ask, originals } from './originals.ts'
import type { StoreClass } from './originals.ts'

/** Quick by default; LONG=1 runs the number that the guide names. */
const ROUNDS = process.env['LONG'] ? 10_000 : 2000

interface Fields {
  user?: string
  count?: number
  late?: string
}

const SECRET = 'a secret of the tests with 32 characters'
const ours = RedisStore as unknown as StoreClass

interface Site {
  readonly app: FastifyInstance
  readonly store: RedisStore
  readonly redis: Redis
  readonly prefix: string
}

type Step = (request: FastifyRequest) => Promise<unknown> | void

async function siteOn(
  Class: StoreClass,
  late: Step = () => undefined,
  options: object = {},
): Promise<Site> {
  const redis = new Redis(redisServers().single.url, { enableAutoPipelining: true })
  onTestFinished(() => redis.disconnect())
  const prefix = freshPrefix()
  const store = new Class({ client: redis, prefix }) as unknown as RedisStore
  const app = Fastify()
  onTestFinished(() => app.close())
  await app.register(cookie)
  await app.register(fastifySession, {
    secret: SECRET,
    store: store as unknown as SessionStore,
    cookie: { secure: false },
    saveUninitialized: false,
    ...options,
  })
  const fields = (request: FastifyRequest): Fields => request.session as Fields
  const pages: Record<string, (request: FastifyRequest) => Promise<unknown>> = {
    async login(request) {
      fields(request).user = 'ada'
    },
    async count(request) {
      const count = (fields(request).count ?? 0) + 1
      fields(request).count = count
      return `${fields(request).user} ${count}`
    },
    who: async (request) => String(fields(request).user),
    keys: async (request) => Object.keys(request.session).toSorted(),
    regenerate: renew,
    logout: (request) => request.session.destroy(),
    async late(request) {
      // As a logout in another process does, after this request has loaded the session.
      await redis.del(prefix + request.session.sessionId)
      await late(request)
      fields(request).late = 'late'
    },
  }
  for (const [name, page] of Object.entries(pages))
    app.get(`/${name}`, (request) => page(request).then((answer) => answer ?? 'done'))
  return { app, store, redis, prefix }
}

/** A new id for the same user; the types of @fastify/session know no field of ours. */
function renew({ session }: FastifyRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    session.regenerate(['user'], (error?: unknown) => (error ? reject(error) : resolve()))
  })
}

/** A browser: sends the last cookie it got. */
function browser(
  app: FastifyInstance,
): (path: string) => Promise<{ status: number; text: string }> {
  let sent = ''
  return async (path) => {
    const response = await app.inject({ path, headers: sent === '' ? {} : { cookie: sent } })
    const [line] = [response.headers['set-cookie'] ?? []].flat()
    if (line !== undefined) sent = line.split(';')[0] ?? ''
    return { status: response.statusCode, text: response.body }
  }
}

test('keeps sessions through every verb', async () => {
  const { app, redis, prefix } = await siteOn(ours)
  const get = browser(app)
  expect((await get('/who')).text).toBe('undefined')
  await get('/login')
  expect((await get('/count')).text).toBe('ada 1')
  expect((await get('/count')).text).toBe('ada 2')
  await get('/regenerate')
  expect((await get('/count')).text).toBe('ada 1')
  expect(await redis.keys(`${prefix}*`)).toHaveLength(1)
  await get('/logout')
  expect((await get('/who')).text).toBe('undefined')
  expect(await redis.keys(`${prefix}*`)).toEqual([])
})

test('an application sees the fields of its session and no others', async () => {
  const { app, store } = await siteOn(ours)
  const get = browser(app)
  await get('/login')
  expect((await get('/keys')).text).toBe('["cookie","user"]')
  const [record] = await store.all()
  const stored = await store.get(String(record!['id']))
  expect(Reflect.ownKeys(stored!)).toEqual(['cookie', 'user'])
  expect({ ...stored!.cookie }).toEqual(JSON.parse(JSON.stringify(stored!.cookie)))
})

describe('a request that finishes after logout', () => {
  const nothing: Step = () => undefined
  const cases: [string, Step, object?][] = [
    ['a change at its end', nothing],
    ['save()', ({ session }) => session.save()],
    ['save() and a change', async ({ session }) => session.save()],
    ['reload()', ({ session }) => session.reload()],
    ['options()', ({ session }) => session.options({ path: '/' })],
    ['a cookie with an end', nothing, { cookie: { secure: false, maxAge: 60_000 } }],
  ]
  test.each(cases)('%s brings nothing back', async (_, step, options) => {
    const survivors = async (Class: StoreClass): Promise<number> => {
      const { app, redis, prefix } = await siteOn(Class, step, options)
      const get = browser(app)
      await get('/login')
      expect((await get('/late')).status).toBe(200)
      return (await redis.keys(`${prefix}*`)).length
    }
    expect(await survivors(ours)).toBe(0)
    expect(await survivors(originals[8])).toBe(1)
  })

  test('a session that regenerate() made in it is stored', async () => {
    const step: Step = renew
    const { app, redis, prefix } = await siteOn(ours, step)
    const get = browser(app)
    await get('/login')
    await get('/late')
    expect((await get('/who')).text).toBe('ada')
    expect(await redis.keys(`${prefix}*`)).toHaveLength(1)
  })

  test(`0 of ${ROUNDS} come back`, async () => {
    const { app, store } = await siteOn(ours)
    let dropped = 0
    store.on('dropped', () => void dropped++)
    const signer = new Signer(SECRET)
    await inBatches(ROUNDS, 200, async (round) => {
      const sid = `sid-${round}`
      await store.set(sid, { cookie: { originalMaxAge: null }, user: 'ada' })
      const headers = { cookie: `sessionId=${encodeURIComponent(signer.sign(sid))}` }
      expect((await app.inject({ path: '/late', headers })).statusCode).toBe(200)
    })
    expect(await store.length()).toBe(0)
    expect(dropped).toBe(ROUNDS)
  })
})

test('what connect-redis 8 has stored for it is read, and the other way round', async () => {
  const theirs = await siteOn(originals[8])
  const mixed = await siteOn(ours)
  const store = new RedisStore({ client: theirs.redis, prefix: theirs.prefix })
  const get = browser(theirs.app)
  await get('/login')
  const [sid = ''] = await store.ids()
  const record = (await store.get(sid))!
  await mixed.store.set(sid, record)
  expect(await mixed.redis.get(mixed.prefix + sid)).toBe(
    await theirs.redis.get(theirs.prefix + sid),
  )
  expect(JSON.stringify(await ask(theirs.store as never, 'get', sid))).toBe(JSON.stringify(record))
})
