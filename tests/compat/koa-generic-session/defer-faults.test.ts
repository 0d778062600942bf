/** What goes wrong with the original in defer mode, seen there, and not seen here. */
import { setImmediate as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { cookieLines, fault, outcomeOf, start, toldOfBoth, unhandledRejections } from './kit.ts'
import type { Handler } from './kit.ts'

const DAY = 86_400_000

describe('defer mode', () => {
  const assign: Handler = async (ctx) => {
    if (ctx.path === '/assign') ctx['session'] = { user: 'ada' }
    else if (ctx.path === '/null') ctx['session'] = null
    else ctx.body = ((await ctx['session']) as { user?: string }).user ?? 'nobody'
  }

  test.each([
    fault(
      'a session assigned without a read has an id of its own',
      async (session) => outcomeOf(await start(session, { defer: true }, assign), '/assign'),
      {
        original: { next: 'nobody', keys: ['koa:sess:undefined'], ttls: [undefined] },
        ours: { next: 'ada', keys: ['koa:sess:…'], ttls: [DAY] },
      },
    ),
    fault(
      'null assigned without a session destroys nothing',
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
    fault(
      'a session assigned without a read does not take on an unknown id',
      async (session) => {
        const options = { defer: true, cookie: { signed: false } } as const
        const { store, origin } = await start(session, options, assign)
        await fetch(`${origin}/assign`, { headers: { cookie: 'koa.sid=planted' } })
        return store.kept.has('koa:sess:planted')
      },
      { original: true, ours: false },
    ),
    fault(
      'parallel reads give the same session',
      async (session) => {
        const { walker } = await start(session, { defer: true }, async (ctx) => {
          const [first, second] = await Promise.all([ctx['session'], ctx['session']])
          ctx.body = String(first === second)
        })
        return (await walker.get('/')).text
      },
      { original: 'false', ours: 'true' },
    ),
    fault(
      'a read that nobody awaits destroys nothing',
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
    fault(
      'a read that nobody awaits is still one: it rolls',
      async (session) => {
        const options = { defer: true, rolling: true } as const
        const { store, walker } = await start(session, options, async (ctx) => {
          if (ctx.path === '/in') (await ctx['session']).user = 'ada'
          else void ctx['session']
        })
        await walker.get('/in')
        store.drain()
        await walker.get('/')
        return store.drain()
      },
      { original: ['get', 'destroy'], ours: ['get', 'set'] },
    ),
    fault(
      'a read that fails may be repeated',
      async (session) => {
        const { store, walker } = await start(session, { defer: true }, async (ctx) => {
          if (ctx.path === '/in') (await ctx['session']).user = 'ada'
          await ctx['session'].catch(() => {
            store.before = () => undefined
          })
          ctx.body = (await ctx['session'])?.user ?? 'nobody'
        })
        await walker.get('/in')
        store.before = (method) => {
          if (method === 'get') throw new Error('down')
        }
        return (await walker.get('/')).text
      },
      { original: 'nobody', ours: 'ada' },
    ),
    fault(
      'null and saveSession destroy once',
      async (session) => {
        const { store, walker } = await start(session, { defer: true }, async (ctx) => {
          if (ctx.path === '/in') (await ctx['session']).user = 'ada'
          else ctx['session'] = null
          await ctx['saveSession']()
        })
        await walker.get('/in')
        store.drain()
        await walker.get('/out')
        return store.drain()
      },
      { original: ['get', 'set', 'destroy'], ours: ['destroy'] },
    ),
    fault(
      'a read that fails, and is caught, destroys nothing',
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
    fault(
      'a read that fails, and that nobody awaits, does not end the process',
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
    fault(
      'saveSession stores the session',
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
  ])('$title', async ({ story, outcome }) => {
    expect(await toldOfBoth(story)).toEqual(outcome)
  })
})
