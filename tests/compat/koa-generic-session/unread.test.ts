/** What becomes of a session that cannot be read: the original logs its visitor out. */
import type { SessionFactory, SessionOptions } from 'handstamp/compat/koa-generic-session'
import { Redis } from 'ioredis'
import koaRedis from 'koa-redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { foreignPrefix, redisServers } from '../../support/redis.ts'
import { cookieLines, fault, membersArea, ours, site, start, toldOfBoth } from './kit.ts'
import type { NotingStore } from './kit.ts'

describe('a session that cannot be read', () => {
  const ignoring = { errorHandler: () => undefined }

  const down = (store: NotingStore): void => {
    store.before = (method) => {
      if (method === 'get') throw new Error('down')
    }
  }
  /** Signed in, then an outage that errorHandler swallows, then all is well again. */
  const outage = (options: SessionOptions) => async (session: SessionFactory) => {
    const told: string[] = []
    const errorHandler = (_: unknown, type: string): unknown => told.push(type)
    const { store, walker } = await start(session, { errorHandler, ...options })
    await walker.get('/in')
    down(store)
    const page = await walker.get('/')
    store.before = () => undefined
    const next = (await walker.get('/')).text
    return { text: page.text, lines: cookieLines(page).length, next, told }
  }

  const loggedOut = { text: 'nobody', lines: 2, next: 'nobody', told: ['get'] }
  const unharmed = { text: 'nobody', lines: 0, next: 'ada', told: ['get'] }

  test.each([
    fault('stays, and the cookie too, where errorHandler does not throw', outage({}), {
      original: loggedOut,
      ours: unharmed,
    }),
    fault('is not saved over by rolling', outage({ rolling: true }), {
      original: loggedOut,
      ours: unharmed,
    }),
    fault(
      'is not saved over by what the app writes into the empty one, of which errorHandler hears',
      async (session) => {
        const told: unknown[] = []
        const { store, walker } = await start(
          session,
          { errorHandler: (error, type) => told.push(type, (error as { code?: string }).code) },
          (ctx) => {
            ctx['session'].user ??= ctx.path
            ctx.body = ctx['session'].user
          },
        )
        await walker.get('/first')
        down(store)
        const page = await walker.get('/second')
        store.before = () => undefined
        return { now: page.text, next: (await walker.get('/third')).text, told }
      },
      {
        original: { now: '/second', next: '/second', told: ['get', undefined] },
        ours: { now: '/second', next: '/first', told: ['get', undefined, 'set', 'ERR_STORE'] },
      },
    ),
    fault(
      'stays in koa-redis, which says undefined for a value that it cannot parse',
      async (session) => {
        const { url } = redisServers().single
        const client = new Redis(url)
        onTestFinished(() => client.disconnect())
        const prefix = foreignPrefix()
        const store = koaRedis({ client })
        const { visitor } = await site([session({ store, prefix, ...ignoring })], membersArea)
        const walker = visitor()
        await walker.get('/in')
        const key = prefix + (await walker.cookie('koa.sid'))
        await client.set(key, '{"half', 'EX', 60)
        const page = await walker.get('/')
        return {
          lines: cookieLines(page).length,
          sid: (await walker.cookie('koa.sid')) !== undefined,
        }
      },
      { original: { lines: 2, sid: false }, ours: { lines: 0, sid: true } },
    ),
  ])('$title', async ({ story, outcome }) => {
    expect(await toldOfBoth(story)).toEqual(outcome)
  })

  test('is left under its id for a session that the app assigns or regenerates, and ends by null', async () => {
    for (const path of ['/assign', '/regenerate', '/null']) {
      const { store, walker } = await start(ours, ignoring, async (ctx) => {
        if (ctx.path === '/in') ctx['session'].user = 'ada'
        if (ctx.path === '/assign') ctx['session'] = { user: 'bob' }
        if (ctx.path === '/regenerate') (await ctx['regenerateSession']()).user = 'bob'
        if (ctx.path === '/null') ctx['session'] = null
        ctx.body = ctx['session']?.user ?? 'nobody'
      })
      await walker.get('/in')
      const sid = await walker.cookie('koa.sid')
      down(store)
      expect((await walker.get(path)).status).toBe(200)
      store.before = () => undefined
      expect((await walker.get('/')).text).toBe(path === '/null' ? 'nobody' : 'bob')
      expect(await walker.cookie('koa.sid')).not.toBe(sid)
      expect(store.kept.has(`koa:sess:${sid}`)).toBe(path === '/assign')
    }
  })
})
