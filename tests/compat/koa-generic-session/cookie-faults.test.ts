/** What goes wrong with the cookie of the original, seen there, and not seen here. */
import { setImmediate as pause } from 'node:timers/promises'
import type { SessionFactory, SessionOptions } from 'handstamp/compat/koa-generic-session'
import { describe, expect, test } from 'vitest'
import { cookieLines, fault, membersArea, start, toldOfBoth } from './kit.ts'

describe('a session whose cookie cannot be sent', () => {
  const unsendable =
    (options: SessionOptions, keys: string[] | null) => async (session: SessionFactory) => {
      const { store, errors, walker } = await start(session, options, membersArea, { keys })
      const { status } = await walker.get('/in')
      expect((await walker.get('/')).status).toBe(200)
      return { status, kept: store.kept.size, message: errors.map(({ message }) => message).join() }
    }

  test.each([
    fault('is not stored where app.keys is missing', unsendable({}, null), {
      original: { status: 500, kept: 1, message: '.keys required for signed cookies' },
      ours: {
        status: 500,
        kept: 0,
        message:
          'The session was not saved, as its cookie cannot be sent: it is to be signed: set app.keys, or cookie.signed to false.',
      },
    }),
    fault(
      'is not stored where it is secure and the request is not',
      unsendable({ cookie: { secure: true } }, ['a key']),
      {
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
      },
    ),
    fault(
      'is not stored once the head has left; a stored one is saved',
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
    fault(
      'is not regenerated once the head has left',
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
  ])('$title', async ({ story, outcome }) => {
    expect(await toldOfBoth(story)).toEqual(outcome)
  })
})

describe('the cookie', () => {
  test.each([
    fault(
      'is cleared with the path, the domain and the attributes that it was set with',
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
    fault(
      'of another path is gone after the sign-out',
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
    fault(
      'is cleared where the options of its own session have put it',
      async (session) => {
        const { walker } = await start(session, {}, (ctx) => {
          if (ctx.path === '/app/out') ctx['session'] = null
          else ctx['session'].cookie.path = '/app'
        })
        await walker.get('/app/in')
        const [line = ''] = cookieLines(await walker.get('/app/out'))
        return /path=[^;]*/.exec(line)?.[0]
      },
      { original: 'path=/', ours: 'path=/app' },
    ),
    fault(
      'of path /a is not sent for /ab',
      async (session) => {
        const { walker } = await start(session, { cookie: { path: '/a' } }, (ctx) => {
          ctx.body = String(ctx['session'] !== undefined)
        })
        const paths = ['/a', '/a/b', '/ab', '/b']
        return Promise.all(paths.map(async (path) => (await walker.get(path)).text))
      },
      { original: ['true', 'true', 'true', 'false'], ours: ['true', 'true', 'false', 'false'] },
    ),
    fault(
      'is called by key, whatever cookie.name says',
      async (session) => {
        const { walker } = await start(session, { cookie: { name: 'other' } })
        await walker.get('/in')
        return (await walker.get('/')).text
      },
      { original: 'nobody', ours: 'ada' },
    ),
  ])('$title', async ({ story, outcome }) => {
    expect(await toldOfBoth(story)).toEqual(outcome)
  })
})
