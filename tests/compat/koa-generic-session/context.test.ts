/** What the context has behind the middleware, in normal and in defer mode, is what the original gives it. */
import { setImmediate as pause } from 'node:timers/promises'
import type { SessionFactory, SessionOptions } from 'handstamp/compat/koa-generic-session'
import type Koa from 'koa'
import { describe, expect, test } from 'vitest'
import { cookieLines, membersArea, NotingStore, original, rows, site } from './kit.ts'
import type { Handler, Row } from './kit.ts'

const modes = rows.flatMap((row) =>
  [false, true].map((defer) => ({
    ...row,
    title: `${row.title}${defer ? ', deferred' : ''}`,
    defer,
  })),
)

async function visit(
  { session, App }: Row,
  options: SessionOptions,
  handler: Handler = membersArea,
  before: unknown[] = [],
) {
  const store = new NotingStore()
  const middleware = make(session, { store, ...options })
  const { visitor, origin, errors } = await site([...before, middleware], handler, { App })
  return { store, errors, origin, walker: visitor() }
}

/** In either mode: the types tell them apart. */
function make(session: SessionFactory, options: SessionOptions): Koa.Middleware {
  return session(options as SessionOptions & { defer: true }) as unknown as Koa.Middleware
}

describe.each(modes)('$title', ({ defer, ...row }) => {
  test('session is found again, and is gone once null was assigned', async () => {
    const { store, walker } = await visit(row, { defer })
    expect(cookieLines(await walker.get('/'))).toEqual([])
    expect((await walker.get('/in')).text).toBe('ada')
    expect((await walker.get('/')).text).toBe('ada')
    const page = await walker.get('/out')
    expect(cookieLines(page)[0]).toMatch(/^koa.sid=; .*1970/)
    expect(cookieLines(page)[1]).toMatch(/^koa.sid.sig=/)
    expect(await walker.cookie('koa.sid')).toBeUndefined()
    expect(store.kept.size).toBe(0)
    expect((await walker.get('/')).text).toBe('nobody')
  })

  test('a new session that null is assigned to asks nothing of the store', async () => {
    const { store, walker } = await visit(row, { defer }, async (ctx) => {
      await ctx['session']
      ctx['session'] = null
      ctx.body = 'gone'
    })
    expect(cookieLines(await walker.get('/'))).toEqual([])
    expect(store.drain()).toEqual([])
  })

  test.each([undefined, 0, false, ''])('to assign %j destroys too', async (value) => {
    const { store, walker } = await visit(row, { defer }, async (ctx) => {
      if (ctx.path === '/in') (await ctx['session']).user = 'ada'
      else ctx['session'] = value
      ctx.body = 'done'
    })
    await walker.get('/in')
    await walker.get('/out')
    expect(store.kept.size).toBe(0)
  })

  test('_session is the session as it is, sessionId its id', async () => {
    const { store, walker } = await visit(row, { defer }, async (ctx) => {
      const isThereBefore = Boolean(ctx['_session'] && ctx['sessionId'])
      const session = await ctx['session']
      session.n = 1
      ctx.body = { isThereBefore, isSame: ctx['_session'] === session, sessionId: ctx['sessionId'] }
    })
    const { text } = await walker.get('/')
    expect(JSON.parse(text)).toEqual({
      isThereBefore: !defer,
      isSame: true,
      sessionId: await walker.cookie('koa.sid'),
    })
    expect([...store.kept.keys()]).toEqual([`koa:sess:${await walker.cookie('koa.sid')}`])
  })

  test('sessionId of an earlier middleware takes the place of the cookie', async () => {
    const fromHeader = async (ctx: Koa.Context, next: Koa.Next): Promise<void> => {
      if (ctx.path !== '/in') ctx['sessionId'] = 'given'
      await next()
    }
    const { store, walker } = await visit(row, { defer }, membersArea, [fromHeader])
    await walker.get('/in')
    await store.set('koa:sess:given', { cookie: { signed: false }, user: 'bob' })
    expect((await walker.get('/')).text).toBe('bob')
    await store.destroy('koa:sess:given')
    expect((await walker.get('/')).text).toBe('nobody')
  })

  test('sessionSave: true saves what did not change, false neither saves nor destroys', async () => {
    const { store, walker } = await visit(row, { defer }, async (ctx) => {
      const session = await ctx['session']
      ctx.body = String(ctx['sessionSave'])
      if (ctx.path === '/force') ctx['sessionSave'] = true
      if (ctx.path.startsWith('/never')) ctx['sessionSave'] = false
      if (ctx.path === '/never/change') session.user = 'bob'
      if (ctx.path === '/never/destroy') ctx['session'] = null
    })
    expect((await walker.get('/force')).text).toBe('null')
    expect(store.drain()).toEqual(['set'])
    for (const [path, calls] of [
      ['/', ['get']],
      ['/force', ['get', 'set']],
      ['/never/change', ['get']],
      ['/never/destroy', ['get']],
    ] as const) {
      const page = await walker.get(path)
      expect(store.drain()).toEqual(calls)
      expect(cookieLines(page)).toHaveLength(path === '/force' ? 2 : 0)
    }
    expect(store.sessions()).toEqual([expect.not.objectContaining({ user: 'bob' })])
  })

  test('sessionStore reads, writes and destroys by session id, and tells connect and disconnect', async () => {
    const told: string[] = []
    let isHeard = false
    const { store, walker } = await visit(row, { defer }, async (ctx) => {
      const { sessionStore } = ctx as unknown as { sessionStore: NotingStore }
      if (!isHeard) {
        for (const event of ['connect', 'disconnect'])
          sessionStore.on(event, () => told.push(event))
        isHeard = true
      }
      const expires = new Date(Date.now() + 60_000)
      await sessionStore.set('by-hand', { cookie: { expires }, user: 'eve' })
      const found = (await sessionStore.get('by-hand')) as { cookie: { expires: Date } }
      const isDate = found.cookie.expires.getTime() === expires.getTime()
      const missing = await sessionStore.get('missing')
      if (ctx.path === '/destroy') await sessionStore.destroy('by-hand')
      ctx.body = { isDate, missing }
    })
    const { text } = await walker.get('/')
    expect(JSON.parse(text)).toEqual({ isDate: true, missing: null })
    expect([...store.kept.keys()]).toEqual(['koa:sess:by-hand'])
    expect(store.kept.get('koa:sess:by-hand')?.ttl).toBeGreaterThan(59_000)
    await walker.get('/destroy')
    expect(store.kept.size).toBe(0)
    store.emit('disconnect')
    store.emit('connect')
    expect(told).toEqual(['disconnect', 'connect'])
  })

  test('regenerateSession destroys the session; what is written then is in one with a new id', async () => {
    const { store, walker } = await visit(row, { defer }, async (ctx) => {
      if (ctx.path === '/new') {
        const result = await ctx['regenerateSession']()
        const session = await ctx['session']
        // In normal mode the original gives nothing.
        ctx.body = !defer || result === session ? session.user : 'another session'
      }
      const session = await ctx['session']
      session.user = ctx.path
    })
    await walker.get('/old')
    const before = await walker.cookie('koa.sid')
    expect((await walker.get('/new')).status).toBe(204)
    const after = await walker.cookie('koa.sid')
    expect(after).toHaveLength(32)
    expect(after).not.toBe(before)
    expect([...store.kept.keys()]).toEqual([`koa:sess:${after}`])
  })

  test('an unknown session id is never taken on', async () => {
    const { store, walker } = await visit(row, { defer, cookie: { signed: false } })
    await walker.get('/in')
    store.kept.clear()
    const before = await walker.cookie('koa.sid')
    const page = await walker.get('/')
    expect(page.text).toBe('nobody')
    expect(await walker.cookie('koa.sid')).toBeUndefined()
    await walker.get('/in')
    expect(await walker.cookie('koa.sid')).not.toBe(before)
  })

  test('a tampered cookie is no session', async () => {
    const { store, origin, walker } = await visit(row, { defer })
    await walker.get('/in')
    const sid = await walker.cookie('koa.sid')
    const answer = async (sig: string | undefined) => {
      const response = await fetch(origin, {
        headers: { cookie: `koa.sid=${sid}; koa.sid.sig=${sig}` },
      })
      return response.text()
    }
    expect(await answer(await walker.cookie('koa.sid.sig'))).toBe('ada')
    expect(await answer('x'.repeat(27))).toBe('nobody')
    expect(store.kept.size).toBe(1)
  })

  test('a second instance of the middleware leaves the session to the first', async () => {
    const second = new NotingStore()
    const { store, walker } = await visit(row, { defer }, async (ctx, next) => {
      await make(row.session, { store: second, defer })(ctx, next)
    })
    expect((await walker.get('/in')).status).toBe(404)
    expect(second.calls).toEqual([])
    expect(store.calls).toEqual([])
  })

  test('what was changed before the app fails is saved in normal mode, and not in defer mode', async () => {
    const { store, errors, walker } = await visit(row, { defer }, async (ctx) => {
      ;(await ctx['session']).user = 'ada'
      throw new Error('the app failed')
    })
    expect((await walker.get('/')).status).toBe(500)
    expect(errors.map(({ message }) => message)).toEqual(['the app failed'])
    expect(store.sessions()).toHaveLength(defer ? 0 : 1)
  })
})

// The original stores something else in defer mode, see faults.test.ts.
describe.each(modes.filter(({ session, defer }) => session !== original || !defer))(
  '$title',
  ({ defer, ...row }) => {
    test('saveSession has saved when it resolves', async () => {
      const { store, walker } = await visit(row, { defer }, async (ctx) => {
        const session = await ctx['session']
        session.user = 'ada'
        await ctx['saveSession']()
        ctx.body = store.sessions()
      })
      expect(JSON.parse((await walker.get('/')).text)).toMatchObject([{ user: 'ada' }])
    })
  },
)

describe.each(rows)('$title', (row) => {
  test('a save that fails after the app did is told to the app, which answers with its own error', async () => {
    const { store, errors, walker } = await visit(row, {}, (ctx) => {
      ctx['session'].user = 'ada'
      ctx.throw(418, 'first')
    })
    store.before = () => {
      throw new Error('second')
    }
    expect((await walker.get('/')).status).toBe(418)
    expect(errors.map(({ message }) => message)).toContain('second')
  })

  test('_session may be assigned too', async () => {
    const { store, walker } = await visit(row, {}, (ctx) => {
      if (ctx.path === '/in') ctx['_session'].user = 'ada'
      if (ctx.path === '/out') ctx['_session'] = null
      ctx.body = ctx['session']?.user ?? 'nobody'
    })
    expect((await walker.get('/in')).text).toBe('ada')
    expect((await walker.get('/out')).text).toBe('nobody')
    expect(store.kept.size).toBe(0)
  })

  test('a session of another middleware stays', async () => {
    const foreign = async (ctx: Koa.Context, next: Koa.Next): Promise<void> => {
      ctx['session'] = { user: 'foreign' }
      await next()
    }
    const { store, walker } = await visit(row, {}, membersArea, [foreign])
    expect((await walker.get('/in')).text).toBe('ada')
    expect(store.calls).toEqual([])
  })

  test('defer asks nothing of the store, nor whether it is there, unless the session is read', async () => {
    const { store, walker } = await visit(row, { defer: true, rolling: true }, async (ctx) => {
      if (ctx.path === '/in') (await ctx['session']).user = 'ada'
      ctx.body = 'done'
    })
    await walker.get('/in')
    store.drain()
    store.emit('disconnect')
    const page = await walker.get('/')
    store.emit('connect')
    expect(page.status).toBe(200)
    expect(store.calls).toEqual([])
    expect(cookieLines(page)).toEqual([])
    await pause()
  })

  test('defer marks the context by __isSessionDefined, which middleware may set to keep the session off', async () => {
    const { walker } = await visit(row, { defer: true }, (ctx) => {
      ctx.body = String(ctx['__isSessionDefined'])
    })
    expect((await walker.get('/')).text).toBe('true')
    const keepOff = async (ctx: Koa.Context, next: Koa.Next): Promise<void> => {
      ctx['__isSessionDefined'] = true
      await next()
    }
    const without = await visit(
      row,
      { defer: true },
      (ctx) => {
        ctx.body = String(ctx['session'])
      },
      [keepOff],
    )
    expect((await without.walker.get('/')).text).toBe('undefined')
  })

  test('defer: assigning needs no read', async () => {
    const { store, walker } = await visit(row, { defer: true }, async (ctx) => {
      if (ctx.path === '/assign')
        ctx['session'] = { user: 'bob', cookie: { signed: true, maxAge: 5000 } }
      else if (ctx.path === '/in') (await ctx['session']).user = 'ada'
      else ctx.body = (await ctx['session']).user
    })
    await walker.get('/in')
    await walker.get('/assign')
    expect((await walker.get('/')).text).toBe('bob')
    expect(store.kept.size).toBe(1)
  })
})
