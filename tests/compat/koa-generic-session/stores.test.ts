/** Any store that follows the contract: values, promises, thunks, generators; and the stores that people have. */
import type { SessionFactory, StoreClient } from 'handstamp/compat/koa-generic-session'
import { Redis } from 'ioredis'
import koaRedis from 'koa-redis'
import koaSessionIoredis from 'koa-session-ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freshPrefix, redisServers } from '../../support/redis.ts'
import { fault, membersArea, ours, site, toldOfBoth } from './kit.ts'

type Callback = (error: unknown, result?: unknown) => void

/** Does the work of a store at once; each form below says how the answer comes. */
class Shelf {
  readonly kept = new Map<string, string>()
  isBroken = false

  answer(method: string, key: string, session?: object): unknown {
    if (this.isBroken) throw new Error(`${method} failed`)
    if (method === 'get') return JSON.parse(this.kept.get(key) ?? 'null')
    if (method === 'set') this.kept.set(key, JSON.stringify(session))
    else this.kept.delete(key)
    return undefined
  }
}

type Work = () => unknown
const forms: Record<string, (work: Work) => unknown> = {
  values: (work) => work(),
  promises: async (work) => work(),
  thunks: (work) => (callback: Callback) => {
    setImmediate(() => {
      let result: unknown
      try {
        result = work()
      } catch (error) {
        callback(error)
        return
      }
      callback(null, result)
    })
  },
  *generators(work) {
    yield Promise.resolve()
    return work()
  },
  'generators that yield thunks': function* yieldsThunks(work) {
    return (yield (callback: Callback) => callback(null, work())) as unknown
  },
  'generators that yield generators': function* yieldsGenerators(work) {
    const inner = (function* inner() {
      yield null
      return work()
    })()
    const [result] = (yield [inner]) as unknown[]
    return result
  },
  'generator functions': (work) =>
    function* later() {
      yield Promise.resolve()
      return work()
    },
}

function storeOf(form: (work: Work) => unknown, shelf: Shelf): StoreClient {
  return {
    get: (key) => form(() => shelf.answer('get', key)),
    set: (key, session) => form(() => shelf.answer('set', key, session)),
    destroy: (key) => form(() => shelf.answer('destroy', key)),
  }
}

/** Signs in, looks, and signs out. */
async function walkThrough(session: SessionFactory, store: StoreClient, prefix = freshPrefix()) {
  const { visitor } = await site([session({ store, prefix })], membersArea)
  const walker = visitor()
  const statuses = [(await walker.get('/in')).status]
  const found = (await walker.get('/')).text
  statuses.push((await walker.get('/out')).status)
  return { statuses, found, after: (await walker.get('/')).text }
}

const works = { statuses: [200, 200], found: 'ada', after: 'nobody' }

function client(): Redis {
  const redis = new Redis(redisServers().single.url)
  onTestFinished(() => redis.disconnect())
  return redis
}

describe('a store', () => {
  test.each(Object.entries(forms))('may give %s', async (_, form) => {
    const shelf = new Shelf()
    expect(await walkThrough(ours, storeOf(form, shelf))).toEqual(works)
    expect(shelf.kept.size).toBe(0)
  })

  test.each(Object.entries(forms))('may fail with %s', async (_, form) => {
    const shelf = new Shelf()
    const told: unknown[] = []
    const errorHandler = (error: unknown): unknown => told.push((error as Error).message)
    const { visitor } = await site(
      [ours({ store: storeOf(form, shelf), errorHandler })],
      membersArea,
    )
    const walker = visitor()
    shelf.isBroken = true
    await walker.get('/in')
    shelf.isBroken = false
    await walker.get('/in')
    shelf.isBroken = true
    await walker.get('/')
    expect(told).toEqual(['set failed', 'get failed'])
  })

  test.each([
    fault(
      'of generators is driven: koa-session-ioredis 1.0.5',
      async (session) => walkThrough(session, koaSessionIoredis({ client: client() })),
      { original: { ...works, found: 'nobody' }, ours: works },
    ),
    fault(
      'of thunks is waited for',
      async (session) => (await walkThrough(session, storeOf(forms['thunks']!, new Shelf()))).found,
      { original: 'Internal Server Error', ours: 'ada' },
    ),
    fault(
      'of promises is as it was: koa-redis 4',
      async (session) => walkThrough(session, koaRedis({ client: client() })),
      { original: works, ours: works },
    ),
    fault(
      'that answers false to each save loses no new session',
      async (session) => {
        const shelf = new Shelf()
        const set = async (key: string, value: object): Promise<boolean> => {
          shelf.answer('set', key, value)
          return false
        }
        return walkThrough(session, { ...storeOf(forms['promises']!, shelf), set })
      },
      { original: works, ours: works },
    ),
  ])('$title', async ({ story, outcome }) => {
    expect(await toldOfBoth(story)).toEqual(outcome)
  })

  test('may yield arrays and objects, and catch what fails', async () => {
    const seen: unknown[] = []
    const store = storeOf(function* work(answer) {
      seen.push(yield [Promise.resolve(1), (callback: Callback) => callback(null, 2)])
      seen.push(yield { three: Promise.resolve(3), four: [Promise.resolve(4)] })
      try {
        yield Promise.reject(new Error('five'))
      } catch (error) {
        seen.push((error as Error).message)
      }
      return answer()
    }, new Shelf())
    const { visitor } = await site([ours({ store })], membersArea)
    await visitor().get('/in')
    expect(seen).toEqual([[1, 2], { three: 3, four: [4] }, 'five'])
  })

  test('gets the object back that it gave, whether it was loaded, and whole milliseconds', async () => {
    const given = { cookie: {}, n: 1 }
    const calls: unknown[][] = []
    const store: StoreClient = {
      get: () => given,
      set: (...call) => calls.push(call),
      destroy: () => undefined,
    }
    const middleware = ours({ store, ttl: 1.5, cookie: { signed: false }, genSid: () => 'fresh' })
    const { origin } = await site([middleware], (ctx) => {
      if (ctx.path === '/replace') ctx['session'] = { n: 3 }
      else ctx['session'].n = 2
    })
    const known = { headers: { cookie: 'koa.sid=known' } }
    await fetch(`${origin}/`, known)
    await fetch(`${origin}/replace`, known)
    await fetch(`${origin}/`)
    expect(calls.map(([key, , ttl, write]) => [key, ttl, write])).toEqual([
      ['koa:sess:known', 2, { isNew: false }],
      ['koa:sess:known', 2, { isNew: false }],
      ['koa:sess:fresh', 2, { isNew: true }],
    ])
    expect(calls[0]?.[1]).toBe(given)
    expect(calls[1]?.[1]).toMatchObject({ n: 3 })
  })
})
