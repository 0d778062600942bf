/** The engine between adapters and applications: who gets a session, what is told, what a cookie says. */
import { describe, expect, test, vi } from 'vitest'
import type { RequestHead } from '../../../src/core/transport.ts'
import { createSessions } from '../../../src/index.ts'
import { memoryStore } from '../../../src/memory/index.ts'
import { fakeClock } from '../../support/clock.ts'
import { Visitor } from '../../support/visitor.ts'

const secure = { cookie: { secure: true } } as const
const HEAD: RequestHead = { header: () => undefined, path: '/', secure: true, source: {} }

describe('getSession', () => {
  test('gives every part of a request the same session', async () => {
    const sessions = createSessions<{ n: number }>(secure)
    const { getSession } = sessions
    const [context, request] = [{}, {}]
    sessions.begin(HEAD, context, request)
    const [one, other] = await Promise.all([getSession(context), getSession(request)])
    expect(one).toBe(other)
  })

  test('of a request that no middleware has seen says what is missing', async () => {
    const sessions = createSessions(secure)
    await expect(sessions.getSession({})).rejects.toMatchObject({
      code: 'ERR_NO_SESSION',
      message: expect.stringContaining('mount the middleware before this route'),
    })
  })

  test('of a request whose session was destroyed is an error', async () => {
    const sessions = createSessions(secure)
    const request = {}
    sessions.begin(HEAD, request)
    const session = await sessions.getSession(request)
    await session.destroy()
    await expect(sessions.getSession(request)).rejects.toMatchObject({ code: 'ERR_NO_SESSION' })
  })

  test('keeps two engines on one request apart', async () => {
    const [shop, admin] = [createSessions(secure), createSessions({ cookie: { name: 'admin' } })]
    const request = {}
    shop.begin(HEAD, request)
    admin.begin(HEAD, request)
    const session = await shop.getSession(request)
    session['user'] = 'ann'
    expect({ ...(await admin.getSession(request)) }).toEqual({})
  })

  test('must come before the session is used, where nothing has loaded it', async () => {
    const sessions = createSessions(secure)
    const visit = sessions.begin({
      ...HEAD,
      header: () => `__Host-sid=${'a'.repeat(46)}`,
    })
    expect(() => visit?.session).toThrow(
      expect.objectContaining({
        code: 'ERR_NOT_LOADED',
        message: expect.stringContaining('await getSession'),
      }),
    )
    await visit?.open()
    expect({ ...visit?.session }).toEqual({})
  })

  test('leaves no trace on a request that prints or copies', () => {
    const sessions = createSessions(secure)
    const request = { url: '/' }
    sessions.begin(HEAD, request)
    expect(Object.keys(request)).toEqual(['url'])
    expect(JSON.stringify(request)).toBe('{"url":"/"}')
  })
})

test('a closed engine takes no new requests', async () => {
  const sessions = createSessions(secure)
  await sessions.close()
  expect(() => sessions.begin(HEAD)).toThrow(
    expect.objectContaining({ code: 'ERR_CLOSED', status: 503 }),
  )
})

describe('an event', () => {
  test('tells the life of a session by its public name', async () => {
    const sessions = createSessions<{ user: string }>(secure)
    const told: unknown[] = []
    sessions.events.on('created', ({ handle }) => told.push(['created', handle]))
    sessions.events.on('regenerated', (event) => told.push(['regenerated', event]))
    sessions.events.on('destroyed', ({ handle }) => told.push(['destroyed', handle]))
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void (session.user = 'ann'))
    const handle = await visitor.visit(({ meta }) => meta.handle)
    await visitor.visit((session) => session.regenerate({ keepData: true }))
    const successor = await visitor.visit(({ meta }) => meta.handle)
    await visitor.visit((session) => session.destroy())
    expect(told).toEqual([
      ['created', handle],
      ['regenerated', { handle, successor }],
      ['destroyed', successor],
    ])
  })

  test('whose listener throws does no harm to the request, and warns', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const sessions = createSessions<{ user: string }>(secure)
    sessions.events.on('created', () => {
      throw new Error('no room in the log')
    })
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void (session.user = 'ann'))
    expect(await visitor.visit(({ user }) => user)).toBe('ann')
    expect(warn).toHaveBeenCalledWith(
      expect.stringMatching(/'created' threw: no room in the log/),
      { code: 'HANDSTAMP_LISTENER' },
    )
    warn.mockRestore()
  })

  test('warns of a session over half of its limit, with the sizes', async () => {
    const sessions = createSessions<{ big: string }>({ ...secure, maxBytes: 4000 })
    const told: unknown[] = []
    sessions.events.on('large', (event) => told.push(event))
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void (session.big = 'x'.repeat(1000)))
    expect(told).toEqual([])
    await visitor.visit((session) => void (session.big = 'x'.repeat(3000)))
    const handle = await visitor.visit(({ meta }) => meta.handle)
    expect(told).toEqual([{ handle, bytes: expect.any(Number), limit: 4000 }])
    const tooLarge = visitor.visit((session) => void (session.big = 'x'.repeat(4000)))
    await expect(tooLarge).rejects.toMatchObject({ code: 'ERR_TOO_LARGE', fields: ['big'] })
    expect(await visitor.visit(({ big }) => big?.length)).toBe(3000)
  })

  test('tells of a response that caches were asked to keep, only if it sets the cookie', async () => {
    const sessions = createSessions<{ user: string }>(secure)
    const told: unknown[] = []
    sessions.events.on('cacheConflict', ({ value }) => told.push(value))
    const visit = sessions.begin(HEAD)
    await visit?.load()
    visit?.assign({ user: 'ann' })
    await visit?.settle()
    visit?.headerLines(() => 'public, max-age=60')
    visit?.headerLines(() => 'public, max-age=60')
    expect(told).toEqual(['public, max-age=60'])
  })
})

describe('the end of the cookie', () => {
  const DAY = 86_400_000

  async function cookieAfter(
    options: { rolling?: boolean; persistent?: boolean },
    advance: number,
  ): Promise<(number | undefined)[]> {
    const clock = fakeClock()
    const { persistent = false, ...rest } = options
    const sessions = createSessions<{ user: string }>({
      store: memoryStore({ clock }),
      cookie: { secure: true, persistent },
      idleTimeout: '1d',
      absoluteTimeout: '30d',
      clock,
      ...rest,
    })
    const visitor = new Visitor(sessions)
    const ages: (number | undefined)[] = []
    for (const act of [true, false]) {
      const step = await visitor.request()
      if (act) step.session.user = 'ann'
      await step.settle()
      const lines = step.leave()
      step.arrive(lines)
      const line = lines.find(([name]) => name === 'Set-Cookie')?.[1]
      const age = /Max-Age=(\d+)/.exec(line ?? '')?.[1]
      ages.push(line === undefined ? undefined : Number(age ?? 0) * 1000)
      clock.advance(advance)
    }
    return ages
  }

  test('is that of the browser, where nothing else is said', async () => {
    expect(await cookieAfter({}, DAY / 2)).toEqual([0, undefined])
  })

  test('is the absolute limit for a persistent one, which is set once', async () => {
    expect(await cookieAfter({ persistent: true }, DAY / 2)).toEqual([30 * DAY, undefined])
  })

  test('is the idle limit for a rolling one, and moves along when a touch is due', async () => {
    expect(await cookieAfter({ persistent: true, rolling: true }, DAY / 2)).toEqual([DAY, DAY])
    expect(await cookieAfter({ persistent: true, rolling: true }, 60_000)).toEqual([DAY, undefined])
  })
})
