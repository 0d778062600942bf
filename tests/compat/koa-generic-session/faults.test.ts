/** What goes wrong with the original, seen there, and not seen here. */
import { setImmediate as pause } from 'node:timers/promises'
import type { SessionFactory, SessionOptions } from 'handstamp/compat/koa-generic-session'
import { Redis } from 'ioredis'
import koaRedis from 'koa-redis'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { foreignPrefix, redisServers } from '../../support/redis.ts'
import {
  cookieLines,
  fault,
  membersArea,
  NotingStore,
  ours,
  site,
  strayingStore,
  unhandledRejections,
} from './kit.ts'
import type { Handler } from './kit.ts'

const DAY = 86_400_000

async function start(
  session: SessionFactory,
  options: SessionOptions = {},
  handler: Handler = membersArea,
  { keys = ['a key'] }: { keys?: string[] | null } = {},
) {
  const store = new NotingStore()
  const middleware = session({ store, ...options } as SessionOptions & { defer: true })
  const { visitor, origin, errors } = await site([middleware], handler, { keys })
  return { store, errors, origin, walker: visitor() }
}

/** What became of a session: who is found, and what is stored for how long. */
async function outcomeOf(
  { store, walker }: Awaited<ReturnType<typeof start>>,
  path: string,
): Promise<{ next: string; keys: string[]; ttls: unknown[] }> {
  await walker.get(path)
  const keys = [...store.kept.keys()].map((key) => key.replace(/[\w-]{32}$/, '…'))
  const ttls = Array.from(store.kept.values(), ({ ttl }) => ttl)
  return { next: (await walker.get('/')).text, keys, ttls }
}

describe('a store that goes away', () => {
  test(
    'an idle process lives on after disconnect',
    fault(
      async (session) => {
        const { store, rejections } = strayingStore(session)
        store.emit('disconnect')
        await vi.advanceTimersByTimeAsync(10_000)
        await pause()
        return rejections.map((reason) => (reason as Error).message)
      },
      { original: ['session store is unavailable'], ours: [] },
    ),
  )

  test(
    'the wait of a second outage is not cut short by the first',
    fault(
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
  )
})

describe('a session that is replaced', () => {
  const replace: Handler = (ctx) => {
    if (ctx.path === '/replace') ctx['session'] = { user: 'ada' }
    ctx.body = ctx['session'].user ?? 'nobody'
  }

  test(
    'keeps the options of the cookie, its signature and its end',
    fault(async (session) => outcomeOf(await start(session, {}, replace), '/replace'), {
      original: { next: 'nobody', keys: ['koa:sess:…'], ttls: [undefined] },
      ours: { next: 'ada', keys: ['koa:sess:…'], ttls: [DAY] },
    }),
  )

  test(
    'keeps the options that its own cookie had',
    fault(
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
  )

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

describe('defer mode', () => {
  const assign: Handler = async (ctx) => {
    if (ctx.path === '/assign') ctx['session'] = { user: 'ada' }
    else if (ctx.path === '/null') ctx['session'] = null
    else ctx.body = ((await ctx['session']) as { user?: string }).user ?? 'nobody'
  }

  test(
    'a session assigned without a read has an id of its own',
    fault(async (session) => outcomeOf(await start(session, { defer: true }, assign), '/assign'), {
      original: { next: 'nobody', keys: ['koa:sess:undefined'], ttls: [undefined] },
      ours: { next: 'ada', keys: ['koa:sess:…'], ttls: [DAY] },
    }),
  )

  test(
    'null assigned without a session destroys nothing',
    fault(
      async (session) => {
        const { store, walker } = await start(session, { defer: true }, assign)
        const page = await walker.get('/null')
        return { calls: store.calls, lines: cookieLines(page).length }
      },
      {
        original: { calls: ['destroy koa:sess:undefined'], lines: 2 },
        ours: { calls: [], lines: 0 },
      },
    ),
  )

  test(
    'a session assigned without a read does not take on an unknown id',
    fault(
      async (session) => {
        const options = { defer: true, cookie: { signed: false } } as const
        const { store, origin } = await start(session, options, assign)
        await fetch(`${origin}/assign`, { headers: { cookie: 'koa.sid=planted' } })
        return store.kept.has('koa:sess:planted')
      },
      { original: true, ours: false },
    ),
  )

  test(
    'parallel reads give the same session',
    fault(
      async (session) => {
        const { walker } = await start(session, { defer: true }, async (ctx) => {
          const [first, second] = await Promise.all([ctx['session'], ctx['session']])
          ctx.body = String(first === second)
        })
        return (await walker.get('/')).text
      },
      { original: 'false', ours: 'true' },
    ),
  )

  test(
    'a read that nobody awaits destroys nothing',
    fault(
      async (session) => {
        const { store, walker } = await start(session, { defer: true }, async (ctx) => {
          if (ctx.path === '/in') (await ctx['session']).user = 'ada'
          else void ctx['session']
          ctx.body = 'done'
        })
        await walker.get('/in')
        const page = await walker.get('/')
        return { kept: store.kept.size, lines: cookieLines(page).length }
      },
      { original: { kept: 0, lines: 2 }, ours: { kept: 1, lines: 0 } },
    ),
  )

  test(
    'a read that fails, and is caught, destroys nothing',
    fault(
      async (session) => {
        const { store, walker } = await start(session, { defer: true }, async (ctx) => {
          if (ctx.path === '/in') (await ctx['session']).user = 'ada'
          ctx.body = await ctx['session'].then(
            () => 'read',
            () => 'failed',
          )
        })
        await walker.get('/in')
        store.before = (method) => {
          if (method === 'get') throw new Error('down')
        }
        const page = await walker.get('/')
        return { text: page.text, kept: store.kept.size, lines: cookieLines(page).length }
      },
      {
        original: { text: 'failed', kept: 0, lines: 2 },
        ours: { text: 'failed', kept: 1, lines: 0 },
      },
    ),
  )

  test(
    'a read that fails, and that nobody awaits, does not end the process',
    fault(
      async (session) => {
        const rejections = unhandledRejections()
        const { store, walker } = await start(session, { defer: true }, async (ctx) => {
          if (ctx.path === '/in') (await ctx['session']).user = 'ada'
          else void ctx['session']
          ctx.body = 'done'
        })
        await walker.get('/in')
        store.before = (method) => {
          if (method === 'get') throw new Error('down')
        }
        await walker.get('/')
        await pause()
        return rejections.length
      },
      { original: 1, ours: 0 },
    ),
  )

  test(
    'saveSession stores the session',
    fault(
      async (session) => {
        const { store, walker } = await start(session, { defer: true }, async (ctx) => {
          ;(await ctx['session']).user = 'ada'
          await ctx['saveSession']()
          ctx.body = store.sessions().map(({ user }) => user ?? 'nothing')
        })
        return (await walker.get('/')).text
      },
      { original: '["nothing"]', ours: '["ada"]' },
    ),
  )
})

describe('a session whose cookie cannot be sent', () => {
  const unsendable =
    (options: SessionOptions, keys: string[] | null) => async (session: SessionFactory) => {
      const { store, errors, walker } = await start(session, options, membersArea, { keys })
      const { status } = await walker.get('/in')
      expect((await walker.get('/')).status).toBe(200)
      return { status, kept: store.kept.size, message: errors.map(({ message }) => message).join() }
    }

  test(
    'is not stored where app.keys is missing',
    fault(unsendable({}, null), {
      original: { status: 500, kept: 1, message: '.keys required for signed cookies' },
      ours: {
        status: 500,
        kept: 0,
        message:
          'The session was not saved, as its cookie cannot be sent: it is to be signed: set app.keys, or cookie.signed to false.',
      },
    }),
  )

  test(
    'is not stored where it is secure and the request is not',
    fault(unsendable({ cookie: { secure: true } }, ['a key']), {
      original: {
        status: 500,
        kept: 1,
        message: 'Cannot send secure cookie over unencrypted connection',
      },
      ours: {
        status: 500,
        kept: 0,
        message:
          'The session was not saved, as its cookie cannot be sent: it is secure, and the request came over http: use https, set app.proxy behind a proxy, or cookie.secure to false.',
      },
    }),
  )

  test(
    'is not stored once the head has left; a stored one is saved',
    fault(
      async (session) => {
        const { store, errors, walker } = await start(session, {}, (ctx) => {
          if (ctx.path !== '/in') ctx.respond = false
          if (ctx.path !== '/in') ctx.res.writeHead(200).end('sent')
          ctx['session'].n = (ctx['session'].n ?? 0) + 1
          ctx.body = 'sent'
        })
        await walker.get('/late')
        await pause()
        const fresh = store.kept.size
        store.kept.clear()
        await walker.get('/in')
        await walker.get('/late')
        const codes = errors.map((error) => (error as { code?: string }).code)
        return { fresh, codes, stored: store.sessions().map(({ n }) => n) }
      },
      {
        original: { fresh: 1, codes: [], stored: [2] },
        ours: { fresh: 0, codes: ['ERR_HEAD_SENT'], stored: [2] },
      },
    ),
  )

  test(
    'is not regenerated once the head has left',
    fault(
      async (session) => {
        const { store, walker } = await start(session, {}, async (ctx) => {
          ctx['session'].user = 'ada'
          ctx.body = 'done'
          if (ctx.path === '/in') return
          ctx.respond = false
          ctx.res.writeHead(200)
          await ctx['regenerateSession']().catch(() => undefined)
          ctx.res.end('sent')
        })
        await walker.get('/in')
        const sid = await walker.cookie('koa.sid')
        await walker.get('/late')
        return store.kept.has(`koa:sess:${sid}`)
      },
      { original: false, ours: true },
    ),
  )
})

describe('the cookie', () => {
  test(
    'is cleared with the path, the domain and the attributes that it was set with',
    fault(
      async (session) => {
        const cookie = { path: '/app', domain: 'shop.example', httpOnly: false, signed: false }
        const { origin } = await start(session, { cookie })
        const { headers } = await fetch(`${origin}/app/in`)
        const [line = ''] = headers.getSetCookie()
        const sent = { headers: { cookie: line.split(';')[0]! } }
        return cookieLines(await fetch(`${origin}/app/out`, sent)).slice(0, 1)
      },
      {
        original: ['koa.sid=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly'],
        ours: ['koa.sid=; path=/app; expires=Thu, 01 Jan 1970 00:00:00 GMT; domain=shop.example'],
      },
    ),
  )

  test(
    'of another path is gone after the sign-out',
    fault(
      async (session) => {
        const { walker } = await start(session, { cookie: { path: '/app' } }, async (ctx) => {
          if (ctx.path === '/app/sent') ctx.body = ctx.get('cookie') || 'no cookie'
          else await membersArea(ctx)
        })
        await walker.get('/app/in')
        await walker.get('/app/out')
        return (await walker.get('/app/sent')).text === 'no cookie'
      },
      { original: false, ours: true },
    ),
  )

  test(
    'of path /a is not sent for /ab',
    fault(
      async (session) => {
        const { walker } = await start(session, { cookie: { path: '/a' } }, (ctx) => {
          ctx.body = String(ctx['session'] !== undefined)
        })
        const paths = ['/a', '/a/b', '/ab', '/b']
        return Promise.all(paths.map(async (path) => (await walker.get(path)).text))
      },
      { original: ['true', 'true', 'true', 'false'], ours: ['true', 'true', 'false', 'false'] },
    ),
  )

  test(
    'is called by key, whatever cookie.name says',
    fault(
      async (session) => {
        const { walker } = await start(session, { cookie: { name: 'other' } })
        await walker.get('/in')
        return (await walker.get('/')).text
      },
      { original: 'nobody', ours: 'ada' },
    ),
  )
})

describe('a session that cannot be read', () => {
  const ignoring = { errorHandler: () => undefined }

  const trouble =
    (
      isUnreadable: (store: NotingStore) => void,
      options: SessionOptions = ignoring,
      handler?: Handler,
    ) =>
    async (session: SessionFactory) => {
      const { store, walker } = await start(session, options, handler)
      await walker.get('/in')
      isUnreadable(store)
      const page = await walker.get('/')
      store.before = () => undefined
      return {
        text: page.text,
        lines: cookieLines(page).length,
        next: (await walker.get('/')).text,
      }
    }

  const down = (store: NotingStore): void => {
    store.before = (method) => {
      if (method === 'get') throw new Error('down')
    }
  }
  const loggedOut = { text: 'nobody', lines: 2, next: 'nobody' }
  const unharmed = { text: 'nobody', lines: 0, next: 'ada' }

  test(
    'stays, and the cookie too, where errorHandler does not throw',
    fault(trouble(down), {
      original: loggedOut,
      ours: unharmed,
    }),
  )

  test(
    'is not saved over by rolling',
    fault(trouble(down, { ...ignoring, rolling: true }), {
      original: loggedOut,
      ours: unharmed,
    }),
  )

  test(
    'is not saved over by what the app writes into the empty one, of which errorHandler hears',
    fault(
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
  )

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

  test(
    'stays in koa-redis, which says undefined for a value that it cannot parse',
    fault(
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
  )
})

describe('saving', () => {
  test(
    'saveSession saves once, under the id that the session has',
    fault(
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
  )

  test(
    'saveSession and rolling save once',
    fault(
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
  )

  test(
    'a change is seen though its checksum is the same',
    fault(
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
  )

  test(
    'a regenerated session is there though nothing is written to it',
    fault(
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
  )

  test(
    'a session that was destroyed by saveSession comes back under a new id only',
    fault(
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
  )

  test(
    'every key has an end',
    fault(
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
  )
})

describe('a hook', () => {
  test(
    'valid may be async',
    fault(
      async (session) => {
        const { walker } = await start(session, { valid: async (_, { user }) => user !== 'ada' })
        await walker.get('/in')
        return (await walker.get('/')).text
      },
      { original: 'ada', ours: 'nobody' },
    ),
  )

  test(
    'beforeSave may be async',
    fault(
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
  )

  test(
    'errorHandler may be async',
    fault(
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
  )

  test(
    'genSid that gives nothing is an error, not a shared session',
    fault(
      async (session) => {
        const { store, walker } = await start(session, { genSid: () => '' })
        const { status } = await walker.get('/in')
        return { status, keys: [...store.kept.keys()] }
      },
      { original: { status: 200, keys: ['koa:sess:'] }, ours: { status: 500, keys: [] } },
    ),
  )
})

describe('MemoryStore', () => {
  test(
    'keeps what was saved, not what is changed later',
    fault(
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
  )

  test(
    'forgets a session whose time has come',
    fault(
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
  )
})
