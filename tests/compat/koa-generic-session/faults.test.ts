/** What goes wrong with the original when a session is saved, replaced or kept, seen there, and not seen here. */
import { setImmediate as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import koaRedis from 'koa-redis'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { foreignPrefix, redisServers } from '../../support/redis.ts'
import {
  cookieLines,
  fault,
  outcomeOf,
  ours,
  site,
  start,
  strayingStore,
  toldOfBoth,
  unhandledRejections,
} from './kit.ts'
import type { Handler } from './kit.ts'

const DAY = 86_400_000

describe('a store that goes away', () => {
  test.each([
    fault(
      'an idle process lives on after disconnect',
      async (session) => {
        const { store, rejections } = strayingStore(session)
        store.emit('disconnect')
        await vi.advanceTimersByTimeAsync(10_000)
        await pause()
        return rejections.map((reason) => (reason as Error).message)
      },
      { original: ['session store is unavailable'], ours: [] },
    ),
    fault(
      'the wait of a second outage is not cut short by the first',
      async (session) => {
        const { store, request } = strayingStore(session)
        store.emit('disconnect')
        await vi.advanceTimersByTimeAsync(6000)
        store.emit('connect')
        store.emit('disconnect')
        await vi.advanceTimersByTimeAsync(5000)
        return request()()
      },
      { original: 'session store is unavailable', ours: 'waits' },
    ),
  ])('$title', async ({ story, outcome }) => {
    expect(await toldOfBoth(story)).toEqual(outcome)
  })
})

describe('a session that is replaced', () => {
  const replace: Handler = (ctx) => {
    if (ctx.path === '/replace') ctx['session'] = { user: 'ada' }
    ctx.body = ctx['session'].user ?? 'nobody'
  }

  test.each([
    fault(
      'keeps the options of the cookie, its signature and its end',
      async (session) => outcomeOf(await start(session, {}, replace), '/replace'),
      {
        original: { next: 'nobody', keys: ['koa:sess:…'], ttls: [undefined] },
        ours: { next: 'ada', keys: ['koa:sess:…'], ttls: [DAY] },
      },
    ),
    fault(
      'keeps the options that its own cookie had',
      async (session) => {
        const { store, walker } = await start(session, {}, (ctx) => {
          if (ctx.path === '/replace') ctx['session'] = { user: 'ada' }
          else ctx['session'].cookie.maxAge = 7 * DAY
          ctx.body = 'done'
        })
        await walker.get('/')
        const page = await walker.get('/replace')
        const ttls = Array.from(store.kept.values(), ({ ttl }) => ttl)
        return { ttls, lines: cookieLines(page) }
      },
      {
        original: { ttls: [undefined], lines: ['koa.sid=…; path=/; httponly'] },
        ours: {
          ttls: [7 * DAY],
          lines: [
            'koa.sid=…; path=/; expires=…; httponly',
            'koa.sid.sig=…; path=/; expires=…; httponly',
          ],
        },
      },
    ),
  ])('$title', async ({ story, outcome }) => {
    expect(await toldOfBoth(story)).toEqual(outcome)
  })

  test('may be frozen, and must be an object', async () => {
    const { walker, errors } = await start(ours, {}, (ctx) => {
      if (ctx.path === '/frozen') ctx['session'] = Object.freeze({ user: 'ada' })
      if (ctx.path === '/text') ctx['session'] = 'a secret'
      ctx.body = ctx['session'].user ?? 'nobody'
    })
    await walker.get('/frozen')
    expect((await walker.get('/')).text).toBe('ada')
    expect((await walker.get('/text')).status).toBe(500)
    expect(errors.map(({ message }) => message)).toEqual(['ctx.session takes an object, or null.'])
    expect((await walker.get('/')).text).toBe('ada')
  })
})

describe('saving', () => {
  test.each([
    fault(
      'saveSession saves once, under the id that the session has',
      async (session) => {
        const { store, walker } = await start(session, {}, async (ctx) => {
          if (ctx.path === '/in') ctx['session'].user = 'ada'
          const before = ctx['sessionId']
          await ctx['saveSession']()
          ctx.body = String(before === ctx['sessionId'])
        })
        const first = { isSameId: (await walker.get('/in')).text, calls: store.drain() }
        await walker.get('/')
        return { first, second: store.drain() }
      },
      {
        original: {
          first: { isSameId: 'false', calls: ['get', 'set', 'set'] },
          second: ['get', 'get'],
        },
        ours: { first: { isSameId: 'true', calls: ['set'] }, second: ['get'] },
      },
    ),
    fault(
      'saveSession and rolling save once',
      async (session) => {
        const { store, walker } = await start(session, { rolling: true }, async (ctx) => {
          ctx['session'].user = 'ada'
          await ctx['saveSession']()
        })
        await walker.get('/')
        store.drain()
        await walker.get('/')
        return store.drain()
      },
      { original: ['get', 'get', 'set', 'set'], ours: ['get', 'set'] },
    ),
    fault(
      'a change is seen though its checksum is the same',
      async (session) => {
        // CRC-32 gives both words the same sum, whatever surrounds them.
        const { store, walker } = await start(session, {}, (ctx) => {
          ctx['session'].word = ctx.path.slice(1)
        })
        await walker.get('/plumless')
        await walker.get('/buckeroo')
        return store.sessions().map(({ word }) => word)
      },
      { original: ['plumless'], ours: ['buckeroo'] },
    ),
    fault(
      'a regenerated session is there though nothing is written to it',
      async (session) => {
        const { store, walker } = await start(session, {})
        await walker.get('/in')
        const before = await walker.cookie('koa.sid')
        await walker.get('/new')
        const after = await walker.cookie('koa.sid')
        return { isNew: after !== undefined && after !== before, keys: store.kept.size }
      },
      { original: { isNew: false, keys: 0 }, ours: { isNew: true, keys: 1 } },
    ),
    fault(
      'a session that was destroyed by saveSession comes back under a new id only',
      async (session) => {
        const { store, walker } = await start(session, {}, async (ctx) => {
          ctx['session'].user = 'ada'
          if (ctx.path === '/in') return
          ctx['session'] = null
          await ctx['saveSession']()
          ctx['session'] = { user: 'bob', cookie: { signed: true, maxAge: 5000 } }
        })
        await walker.get('/in')
        const before = await walker.cookie('koa.sid')
        await walker.get('/again')
        return {
          isKept: store.kept.has(`koa:sess:${before}`),
          users: store.sessions().map(({ user }) => user),
        }
      },
      { original: { isKept: true, users: ['bob'] }, ours: { isKept: false, users: ['bob'] } },
    ),
    fault(
      'every key has an end',
      async (session) => {
        const client = new Redis(redisServers().single.url)
        onTestFinished(() => client.disconnect())
        const prefix = foreignPrefix()
        const { visitor } = await site(
          [session({ store: koaRedis({ client }), prefix, cookie: { maxAge: null } })],
          (ctx) => {
            ctx['session'].user = 'ada'
            if (ctx.path === '/replaced') ctx['session'] = { user: 'ada' }
            if (ctx.path === '/zero') ctx['session'].cookie.maxAge = 0
            if (ctx.path === '/ended') ctx['session'].cookie.expires = new Date(Date.now() - 100)
          },
        )
        const endless: string[] = []
        for (const path of ['/', '/replaced', '/zero', '/ended']) {
          await visitor().get(path)
          for (const key of await client.keys(`${prefix}*`)) {
            if ((await client.ttl(key)) === -1) endless.push(path)
            await client.del(key)
          }
        }
        return endless
      },
      { original: ['/', '/replaced', '/zero', '/ended'], ours: [] },
    ),
  ])('$title', async ({ story, outcome }) => {
    expect(await toldOfBoth(story)).toEqual(outcome)
  })
})

describe('a hook', () => {
  test.each([
    fault(
      'valid may be async',
      async (session) => {
        const { walker } = await start(session, { valid: async (_, { user }) => user !== 'ada' })
        await walker.get('/in')
        return (await walker.get('/')).text
      },
      { original: 'ada', ours: 'nobody' },
    ),
    fault(
      'beforeSave may be async',
      async (session) => {
        const { store, walker } = await start(session, {
          async beforeSave(_, now) {
            await pause()
            now['saved'] = true
          },
        })
        await walker.get('/in')
        return store.sessions().map(({ saved }) => saved)
      },
      { original: [undefined], ours: [true] },
    ),
    fault(
      'errorHandler may be async',
      async (session) => {
        const rejections = unhandledRejections()
        const { store, walker } = await start(session, {
          async errorHandler() {
            throw new Error('as told')
          },
        })
        store.before = () => {
          throw new Error('down')
        }
        const { status } = await walker.get('/in')
        await pause()
        return { status, rejections: rejections.length }
      },
      { original: { status: 200, rejections: 1 }, ours: { status: 500, rejections: 0 } },
    ),
    fault(
      'genSid that gives nothing is an error, not a shared session',
      async (session) => {
        const { store, walker } = await start(session, { genSid: () => '' })
        const { status } = await walker.get('/in')
        return { status, keys: [...store.kept.keys()] }
      },
      { original: { status: 200, keys: ['koa:sess:'] }, ours: { status: 500, keys: [] } },
    ),
  ])('$title', async ({ story, outcome }) => {
    expect(await toldOfBoth(story)).toEqual(outcome)
  })
})

describe('MemoryStore', () => {
  test.each([
    fault(
      'keeps what was saved, not what is changed later',
      async (session) => {
        const { visitor } = await site([session()], (ctx) => {
          const isThere = ctx['session'].user !== undefined
          ctx['session'].n = (ctx['session'].n ?? 0) + 1
          ctx['session'].user = 'ada'
          if (isThere) ctx['sessionSave'] = false
          ctx.body = String(ctx['session'].n)
        })
        const walker = visitor()
        for (let n = 0; n < 2; n++) await walker.get('/')
        return (await walker.get('/')).text
      },
      { original: '3', ours: '2' },
    ),
    fault(
      'forgets a session whose time has come',
      async (session) => {
        vi.useFakeTimers({ toFake: ['Date'] })
        onTestFinished(() => void vi.useRealTimers())
        const store = new session.MemoryStore()
        store.set('old', { user: 'ada' }, 1000)
        vi.advanceTimersByTime(999)
        const before = store.get('old')
        vi.advanceTimersByTime(1)
        return { before, after: store.get('old') }
      },
      {
        original: { before: { user: 'ada' }, after: { user: 'ada' } },
        ours: { before: { user: 'ada' }, after: undefined },
      },
    ),
  ])('$title', async ({ story, outcome }) => {
    expect(await toldOfBoth(story)).toEqual(outcome)
  })
})
