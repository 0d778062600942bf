/** The same application behaves the same in every framework. */
import { describe, expect, test } from 'vitest'
import { createSessions, HandstampError } from '../../src/index.ts'
import type { Session, Sessions, SessionsOptions } from '../../src/index.ts'
import { browser } from './support/browser.ts'
import type { Browser } from './support/browser.ts'
import { frameworks } from './support/frameworks.ts'
import type { App, Data, Framework, Running, Turn } from './support/frameworks.ts'
import { stagedStore } from './support/store.ts'
import type { StagedStore } from './support/store.ts'

interface Site {
  readonly store: StagedStore
  readonly sessions: Sessions<Data>
  readonly server: Running
  readonly visitor: Browser
}

type SiteOptions = SessionsOptions<Data> &
  Partial<Omit<App, 'handle'>> & { readonly mount?: App['mounts'][0]['options'] }

function describeMatrix(behave: (framework: Framework) => void): void {
  describe.each(frameworks.map((framework) => ({ framework, name: framework.name })))(
    '$name',
    ({ framework }) => {
      behave(framework)
    },
  )
}

/** What every test starts with: a store of its own, an app, and a visitor who has not been there yet. */
async function site(
  framework: Framework,
  handle: App['handle'],
  { mounts, cookieBefore, at, mount, ...options }: SiteOptions = {},
): Promise<Site> {
  const store = stagedStore()
  // The tests are about order, not about speed: no deadline may decide them on a busy machine.
  const sessions = createSessions<Data>({ storeTimeout: '60s', store, ...options })
  const server = await framework.serve({
    mounts: mounts ?? [mount ? { sessions, options: mount } : { sessions }],
    handle,
    ...(cookieBefore === undefined ? {} : { cookieBefore }),
    ...(at === undefined ? {} : { at }),
  })
  return { store, sessions, server, visitor: await browser(server) }
}

async function countVisits(turn: Turn): Promise<void> {
  const session = await turn.session()
  session.views = (session.views ?? 0) + 1
  turn.send(200, `visit ${session.views}`)
}

/** `/in` writes a name, `/out` logs out, everything else says who is there. */
async function membersArea(turn: Turn): Promise<void> {
  if (turn.url.endsWith('/out')) await turn.logout()
  else {
    const session = await turn.session()
    if (turn.url.endsWith('/in')) session.user = 'ann'
    return turn.send(200, session.user ?? 'nobody')
  }
  turn.send(200, 'bye')
}

function ours(lines: readonly string[]): string[] {
  return lines.filter((line) => line.startsWith('sid='))
}

describeMatrix((framework) => {
  test('a visit counter counts the visits of each visitor', async () => {
    const { server, visitor } = await site(framework, countVisits)
    const other = await browser(server)
    for (const body of ['visit 1', 'visit 2', 'visit 3'])
      expect((await visitor.get()).text).toBe(body)
    expect((await other.get()).text).toBe('visit 1')
    expect((await visitor.get()).text).toBe('visit 4')
  })

  test('a visitor who writes nothing gets no cookie, and nothing is stored', async () => {
    const { store, visitor } = await site(framework, async (turn) => {
      const session = await turn.session()
      turn.send(200, `user ${session.user}, new ${session.meta.isNew}`)
    })
    const answer = await visitor.get()
    expect(answer.text).toBe('user undefined, new true')
    expect(answer.cookies).toEqual([])
    expect(answer.headers['cache-control']).toBeUndefined()
    expect(store.calls).toEqual([])
  })

  test('logging out ends the session, and clears the cookie with the scope it was set with', async () => {
    const cookie = { path: '/club', domain: 'example.test', name: 'sid' }
    const { server, store } = await site(framework, membersArea, { cookie })
    const visitor = await browser(server, 'www.example.test')
    const [set] = (await visitor.get('/club/in')).cookies
    const stamp = visitor.cookieFor('/club')
    expect((await visitor.get('/club')).text).toBe('ann')
    const answer = await visitor.get('/club/out')
    const [cleared] = answer.cookies
    expect(answer.text).toBe('bye')
    const scope = (line = ''): string[] =>
      line.split('; ').filter((part) => !/^(sid|Max-Age|Expires)=/.test(part))
    expect(scope(cleared)).toEqual(scope(set))
    expect(scope(cleared)).toEqual([
      'Domain=example.test',
      'Path=/club',
      'HttpOnly',
      'SameSite=Lax',
    ])
    expect(visitor.cookieFor('/club')).toBe('')
    // Whoever kept the cookie has nothing of it, and it is not cleared a second time.
    const thief = await browser(server)
    const late = await thief.get('/club', { headers: { cookie: stamp } })
    expect([late.text, late.cookies]).toEqual(['nobody', []])
    const [tombstone, ...others] = await store.keys()
    expect(others).toEqual([])
    expect(tombstone).toBeDefined()
  })

  test('a new id replaces the old one, which is dead from then on', async () => {
    const { server, visitor } = await site(framework, async (turn) => {
      const session = await turn.session()
      if (turn.url === '/regenerate') await session.regenerate({ keepData: true })
      if (turn.url === '/in') session.user = 'ann'
      turn.send(200, session.user ?? 'nobody')
    })
    await visitor.get('/in')
    const old = visitor.cookieFor()
    expect((await visitor.get('/regenerate')).text).toBe('ann')
    expect(visitor.cookieFor()).not.toBe(old)
    expect((await visitor.get()).text).toBe('ann')
    const thief = await browser(server)
    expect((await thief.get('/', { headers: { cookie: old } })).text).toBe('nobody')
  })

  test('one Set-Cookie of ours after three new ids in one request; the others are all there', async () => {
    const { visitor } = await site(
      framework,
      async (turn) => {
        const session = await turn.session()
        session.user = 'ann'
        turn.addCookie('first=1; Path=/')
        for (let round = 0; round < 3; round++) {
          await session.regenerate({ keepData: true })
          await session.save()
        }
        turn.addCookie('last=1; Path=/')
        turn.send(200, session.user ?? 'nobody', { 'X-Other': 'kept' })
      },
      { cookieBefore: 'before=1; Path=/' },
    )
    for (const request of ['without a session before', 'with one']) {
      const { cookies, headers, text } = await visitor.get()
      expect([request, text]).toEqual([request, 'ann'])
      expect(ours(cookies)).toHaveLength(1)
      expect(new Set(cookies.map(nameOf))).toEqual(new Set(['before', 'first', 'last', 'sid']))
      expect(cookies).toHaveLength(4)
      expect(headers['x-other']).toEqual(['kept'])
    }
  })

  test('a response with our cookie is not to be cached; others are as the application says', async () => {
    const { visitor } = await site(framework, async (turn) => {
      const session = await turn.session()
      if (turn.url === '/in') session.user = 'ann'
      turn.send(200, 'page', { 'Cache-Control': 'public, max-age=60' })
    })
    expect((await visitor.get('/in')).headers['cache-control']).toEqual(['no-store'])
    expect((await visitor.get('/')).headers['cache-control']).toEqual(['public, max-age=60'])
  })

  test('a cookie for /a has sessions at /a and /a/b, and not at /ab', async () => {
    const { sessions, store, visitor } = await site(
      framework,
      async (turn) => {
        const session = await sessions
          .getSession(turn.carrier)
          .catch((error: unknown) => (error as HandstampError).code)
        if (typeof session === 'string') return turn.send(200, session)
        session.views = (session.views ?? 0) + 1
        turn.send(200, `visit ${session.views}`)
      },
      { cookie: { path: '/a' } },
    )
    const bodies: string[] = []
    for (const path of ['/a', '/a/b', '/a?x=/ab', '/ab', '/', '/a/'])
      bodies.push((await visitor.get(path)).text)
    expect(bodies).toEqual([
      'visit 1',
      'visit 2',
      'visit 3',
      'ERR_NO_SESSION',
      'ERR_NO_SESSION',
      'visit 4',
    ])
    expect((await store.keys()).length).toBe(1)
  })

  test.runIf(framework.rewritesUrl)(
    'where the app is mounted below a path, the path of the cookie is that of the browser',
    async () => {
      const { visitor } = await site(framework, countVisits, { at: '/a', cookie: { path: '/a' } })
      expect((await visitor.get('/a')).text).toBe('visit 1')
      expect((await visitor.get('/a/b')).text).toBe('visit 2')
    },
  )

  test('lazy sessions ask the store only where a session is asked for', async () => {
    const { sessions, store, visitor } = await site(
      framework,
      async (turn) => {
        if (turn.url === '/page') return turn.send(200, 'page')
        const session = await sessions.getSession(turn.carrier)
        session.views = (session.views ?? 0) + 1
        turn.send(200, `visit ${session.views}`)
      },
      { mount: { lazy: true } },
    )
    await visitor.get('/')
    const before = store.calls.length
    expect((await visitor.get('/page')).text).toBe('page')
    expect(store.calls).toHaveLength(before)
    expect((await visitor.get('/')).text).toBe('visit 2')
    expect(store.calls.slice(before)).toEqual(['load', 'update'])
  })

  test.runIf(framework.hasProperty)(
    'reading the property of a lazy session says what to do instead; assigning null logs out',
    async () => {
      const { sessions, visitor } = await site(
        framework,
        async (turn) => {
          if (turn.url === '/in') (await sessions.getSession(turn.carrier)).user = 'ann'
          if (turn.url === '/out') await turn.logout()
          const outcome = await turn.session().catch((error: unknown) => error)
          const text = outcome instanceof HandstampError ? outcome.code : 'session'
          turn.send(200, turn.url === '/out' ? 'bye' : text)
        },
        { mount: { lazy: true } },
      )
      expect((await visitor.get('/')).text).toBe('ERR_NOT_LOADED')
      expect((await visitor.get('/in')).text).toBe('session')
      expect((await visitor.get('/out')).text).toBe('bye')
      expect(visitor.cookieFor()).toBe('')
    },
  )

  test('two kinds of session in one app: each has its cookie, its property and its end', async () => {
    const customers = createSessions<Data>({ store: stagedStore(), storeTimeout: '60s' })
    const staff = createSessions<Data>({
      store: stagedStore(),
      storeTimeout: '60s',
      cookie: { name: 'staff' },
    })
    const { visitor } = await site(
      framework,
      async (turn) => {
        const { carrier } = turn
        const [customer, member] = framework.hasProperty
          ? [(carrier as { shop: Session<Data> }).shop, (carrier as { desk: Session<Data> }).desk]
          : [await customers.getSession(carrier), await staff.getSession(carrier)]
        if (turn.url === '/shop') customer.user = 'ann'
        if (turn.url === '/desk') member.user = 'bob'
        if (turn.url === '/both') {
          customer.note = 'both'
          member.note = 'both'
          await customer.regenerate({ keepData: true })
        }
        if (turn.url === '/leave') await turn.logout()
        else turn.send(200, `${customer.user} ${member.user}`)
        if (turn.url === '/leave') turn.send(200, 'bye')
      },
      {
        mounts: [
          { sessions: customers, options: { property: 'shop' } },
          { sessions: staff, options: { property: 'desk' } },
        ],
      },
    )
    expect((await visitor.get('/shop')).cookies.map(nameOf)).toEqual(['sid'])
    expect((await visitor.get('/desk')).cookies.map(nameOf)).toEqual(['staff'])
    expect((await visitor.get('/both')).cookies.map(nameOf)).toEqual(['sid'])
    expect((await visitor.get('/')).text).toBe('ann bob')
    expect((await visitor.get('/leave')).cookies.map(nameOf)).toEqual(['sid'])
    expect((await visitor.get('/')).text).toBe('undefined bob')
  })

  test('mounted twice it works as mounted once', async () => {
    const store = stagedStore()
    const sessions = createSessions<Data>({ store, storeTimeout: '60s' })
    const mounts = [{ sessions }, { sessions }]
    const { visitor } = await site(framework, countVisits, { mounts })
    expect((await visitor.get()).cookies).toHaveLength(1)
    expect((await visitor.get()).text).toBe('visit 2')
    expect(store.calls).toEqual(['create', 'load', 'update'])
  })

  test('a handler that throws: the error page is that of the framework', async () => {
    const { server, store, visitor } = await site(framework, async (turn) => {
      const session = await turn.session()
      if (turn.url === '/throw') {
        session.note = 'written before the error'
        throw new Error('the handler is broken')
      }
      turn.send(200, session.note ?? 'nothing')
    })
    const answer = await visitor.get('/throw')
    expect(answer.status).toBe(500)
    expect(server.errors).toMatchObject([{ message: 'the handler is broken' }])
    // The Fetch handler has no response of the session's to answer through, so nothing is saved.
    const isSaved = framework.name !== 'Fetch'
    expect((await visitor.get()).text).toBe(isSaved ? 'written before the error' : 'nothing')
    expect(store.calls.includes('create')).toBe(isSaved)
  })

  describe('when the store is down', () => {
    test('a visitor with a cookie gets 503 and keeps the cookie, and no handler runs without a session', async () => {
      let handled = 0
      const { server, store, visitor } = await site(framework, async (turn) => {
        await countVisits(turn)
        handled++
      })
      await visitor.get()
      const cookie = visitor.cookieFor()
      store.fail()
      const answer = await visitor.get()
      expect([answer.status, answer.cookies, handled]).toEqual([503, [], 1])
      expect(answer.text).not.toContain('visit')
      expect(server.errors).toMatchObject(framework.handlesErrors ? [{ code: 'ERR_STORE' }] : [])
      store.heal()
      expect(visitor.cookieFor()).toBe(cookie)
      expect((await visitor.get()).text).toBe('visit 2')
    })

    test('a visitor without a cookie is served', async () => {
      const { store, visitor } = await site(framework, async (turn) => {
        await turn.session()
        turn.send(200, 'the front page')
      })
      store.fail()
      expect((await visitor.get()).text).toBe('the front page')
    })

    test.each([200, 201, 302, 404])(
      'a handler that answered %i is not heard: its save failed',
      async (status) => {
        const { server, store, sessions, visitor } = await site(framework, async (turn) => {
          const session = await turn.session()
          session.note = 'new'
          turn.addCookie('other=1; Path=/')
          turn.send(status, 'what only a saved session may see', {
            'Content-Type': 'text/x-secret',
            Location: '/elsewhere',
            ETag: '"secret"',
          })
        })
        const failures: string[] = []
        sessions.events.on('storeFailed', ({ operation }) => failures.push(operation))
        store.fail('create')
        const answer = await visitor.get()
        expect(answer.status).toBe(503)
        expect(answer.text).not.toContain('saved session')
        expect(JSON.stringify(answer.headers)).not.toMatch(/secret|elsewhere/)
        expect(ours(answer.cookies)).toEqual([])
        expect(failures).toEqual(['create'])
        expect(server.errors).toMatchObject(framework.handlesErrors ? [{ code: 'ERR_STORE' }] : [])
        store.heal()
        expect((await visitor.get()).status).toBe(status)
      },
    )

    test('a logout that could not be done is no logout: error, and the cookie stays', async () => {
      const { store, visitor } = await site(framework, membersArea)
      await visitor.get('/in')
      store.fail('end')
      const answer = await visitor.get('/out')
      expect([answer.status, answer.cookies]).toEqual([503, []])
      store.heal()
      expect((await visitor.get()).text).toBe('ann')
    })
  })
})

function nameOf(line: string): string | undefined {
  return line.split('=')[0]
}
