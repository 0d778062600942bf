/** The session as a handler holds it: plain data, and verbs that stay out of the way. */
import { inspect } from 'node:util'
import { runInThisContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { decodeDocument } from '../../../src/core/document.ts'
import { jsonCodec } from '../../../src/core/codec.ts'
import { handleOf } from '../../../src/core/id.ts'
import type { SessionId } from '../../../src/core/id.ts'
import { RESERVED } from '../../../src/core/reserved.ts'
import type { Session } from '../../../src/core/session.ts'
import { createSessions } from '../../../src/index.ts'
import type { SessionsOptions } from '../../../src/index.ts'
import { memoryStore } from '../../../src/memory/index.ts'
import { fakeClock } from '../../support/clock.ts'
import { Visitor } from '../../support/visitor.ts'

interface Data {
  user: string
  cart: string[]
  views: number
}

const VERBS = RESERVED.filter((name) => !['@', '__proto__', 'meta'].includes(name))

function setUp(options: SessionsOptions<Data> = {}) {
  const clock = fakeClock()
  const store = memoryStore({ clock })
  const sessions = createSessions<Data>({ cookie: { secure: true }, clock, store, ...options })
  return { clock, store, sessions, visitor: new Visitor(sessions) }
}

/** A visitor whose session holds a user and a cart. */
async function signedIn(options?: SessionsOptions<Data>) {
  const setup = setUp(options)
  await setup.visitor.visit((session) => void Object.assign(session, { user: 'ann', cart: ['a'] }))
  return setup
}

describe('a session object', () => {
  test('shows its data and nothing else to whoever lists, copies or prints it', async () => {
    const { visitor } = await signedIn()
    const data = { user: 'ann', cart: ['a'] }
    const { session } = await visitor.request()
    expect(Object.keys(session)).toEqual(['user', 'cart'])
    expect(Object.entries(session)).toEqual(Object.entries(data))
    expect({ ...session }).toEqual(data)
    expect(structuredClone(session)).toEqual(data)
    expect(JSON.parse(JSON.stringify(session))).toEqual(data)
    const listed: string[] = []
    for (const name in session) listed.push(name)
    expect(listed).toEqual(['user', 'cart'])
    expect('user' in session).toBe(true)
    expect('card' in session).toBe(false)
  })

  test('has verbs that no listing shows', async () => {
    const { session } = await setUp().visitor.request()
    const prototype = Object.getPrototypeOf(session) as object
    const shown = VERBS.filter((name) => Object.keys(prototype).includes(name))
    expect(shown).toEqual([])
    for (const name of ['save', 'reload', 'touch', 'discard', 'regenerate', 'destroy'] as const)
      expect(session[name]).toBeTypeOf('function')
    for (const name of ['setLifetime', 'update', 'increment', 'take'] as const)
      expect(session[name]).toBeTypeOf('function')
  })

  test('never shows the id to whoever prints it, nor do its metadata', async () => {
    const { visitor } = await signedIn()
    const { session } = await visitor.request()
    const id = idOf(visitor)
    expect(session.meta.id).toBe(id)
    const options = { depth: 10, showHidden: true }
    for (const printed of [session, session.meta, { session }, [session.meta]]) {
      expect(inspect(printed, options)).not.toContain(id)
      expect(JSON.stringify(printed)).not.toContain(id)
      expect(Object.values(printed)).not.toContain(id)
    }
    expect(inspect(session)).toContain("user: 'ann'")
  })

  test('tells when it was made, last seen and will end, and its public name', async () => {
    const { visitor, clock } = await signedIn({ idleTimeout: '1h' })
    const made = clock.now()
    clock.advance(30_000)
    await visitor.visit((session) => void (session.views = 1))
    const { session } = await visitor.request()
    expect(session.meta).toMatchObject({
      handle: handleOf(idOf(visitor)),
      createdAt: new Date(made),
      lastSeenAt: new Date(made + 30_000),
      expiresAt: new Date(made + 30_000 + 3_600_000),
      isNew: false,
    })
  })

  test('of a new visitor is new and has no name yet', async () => {
    const { session } = await setUp().visitor.request()
    expect(session.meta).toMatchObject({ handle: undefined, isNew: true })
    expect(session.meta.id).toBeUndefined()
  })
})

describe('a reserved name', () => {
  test.each(RESERVED)('%s cannot be assigned, not even by sloppy code', async (name) => {
    const { session } = await setUp().visitor.request()
    const sloppy = runInThisContext('(function (session, name) { session[name] = 1 })') as (
      session: object,
      name: string,
    ) => void
    const refused = expect.objectContaining({ code: 'ERR_RESERVED_NAME', fields: [name] })
    expect(() => sloppy(session, name)).toThrow(refused)
    expect(() => Reflect.set(session, name, 1)).toThrow(refused)
    expect(() => Object.assign(session, JSON.parse(`{${JSON.stringify(name)}:1}`))).toThrow(refused)
    expect(Object.keys(session)).toEqual([])
  })

  test('that was smuggled in is refused when the session is saved', async () => {
    const { visitor } = setUp()
    const step = await visitor.request()
    Object.defineProperty(step.session, 'save', { value: 1, enumerable: true })
    await expect(step.settle()).rejects.toMatchObject({ code: 'ERR_RESERVED_NAME' })
  })

  test('in data that replace the session is refused, not dropped in silence', async () => {
    const { visitor } = await signedIn()
    const step = await visitor.request()
    expect(() => step.assign({ user: 'bob', meta: { theme: 'dark' } })).toThrow(
      expect.objectContaining({ code: 'ERR_RESERVED_NAME', fields: ['meta'] }),
    )
    expect({ ...step.session }).toEqual({ user: 'ann', cart: ['a'] })
  })

  test('that another writer stored hides no verb and is left alone', async () => {
    const { visitor, store } = await signedIn()
    const handle = handleOf(idOf(visitor))
    const document = (await store.load(handle)) as string
    await store.end(handle, { document: '{"@":["ended"]\n}', ttl: 0 })
    await store.create(handle, document.replace('\n}', '\n,"save":1\n}'), 60_000)
    await visitor.visit((session) => {
      expect(session.save).toBeTypeOf('function')
      session.user = 'bob'
    })
    expect(await store.load(handle)).toContain('\n,"save":1\n')
    expect(await store.load(handle)).toContain('\n,"user":"bob"\n')
  })

  test('of objects, such as constructor, is a field like any other', async () => {
    const sessions = createSessions({ store: memoryStore() })
    const visitor = new Visitor(sessions)
    const data = { constructor: 'a', toString: 'b', hasOwnProperty: 'c', toJSON: 'd' }
    await visitor.visit((session) => void Object.assign(session, data))
    expect({ ...(await visitor.request()).session }).toEqual(data)
  })
})

describe('save', () => {
  test('stores now, so that another request sees it', async () => {
    const { visitor } = await signedIn()
    const step = await visitor.request()
    step.session.views = 7
    await step.session.save()
    expect(await visitor.visit(({ views }) => views)).toBe(7)
  })

  test('makes even an empty session', async () => {
    const { visitor } = setUp()
    await visitor.visit((session) => session.save())
    expect(visitor.cookie).toMatch(/^__Host-sid=/)
  })

  test('that nobody awaits reports its failure at the end of the request, once', async () => {
    const { visitor } = setUp()
    const step = await visitor.request()
    Object.assign(step.session, { user: () => 'ann' })
    void step.session.save()
    await expect(step.settle()).rejects.toMatchObject({ code: 'ERR_NOT_SERIALISABLE' })
    await expect(step.settle()).resolves.toBeUndefined()
  })

  test('calls back with nothing, or with what went wrong', async () => {
    const { visitor } = setUp()
    const { session } = await visitor.request()
    const good = await new Promise((resolve) => void session.save((...args) => resolve(args)))
    expect(good).toEqual([])
    Object.assign(session, { user: () => 'ann' })
    const bad = await new Promise((resolve) => void session.save((...args) => resolve(args)))
    expect(bad).toEqual([expect.objectContaining({ code: 'ERR_NOT_SERIALISABLE' })])
  })
})

describe('reload', () => {
  test('shows what is stored now and forgets what was not saved', async () => {
    const { visitor } = await signedIn()
    const step = await visitor.request()
    step.session.user = 'mallory'
    step.session.views = 1
    await visitor.visit((session) => void (session.cart = ['a', 'b']))
    await step.session.reload()
    expect({ ...step.session }).toEqual({ user: 'ann', cart: ['a', 'b'] })
    await step.settle()
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({
      user: 'ann',
      cart: ['a', 'b'],
    })
  })

  test('of a session that was ended meanwhile is an error', async () => {
    const { visitor } = await signedIn()
    const step = await visitor.request()
    await visitor.visit((session) => session.destroy())
    await expect(step.session.reload()).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' })
  })
})

describe('touch', () => {
  test('moves the idle limit now, and changes no data', async () => {
    const { visitor, clock } = await signedIn({ idleTimeout: '1h' })
    clock.advance(30_000)
    await visitor.visit((session) => session.touch())
    clock.advance(3_599_999)
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({ user: 'ann', cart: ['a'] })
  })
})

describe('regenerate', () => {
  test('empties the session, keeps the object, and changes the id with the response', async () => {
    const { visitor } = await signedIn()
    const old = visitor.cookie
    const step = await visitor.request()
    const { session } = step
    await session.regenerate()
    expect(step.session).toBe(session)
    expect({ ...session }).toEqual({})
    expect(session.meta.id).toBeUndefined()
    session.user = 'bob'
    await step.settle()
    step.arrive()
    expect(visitor.cookie).not.toBe(old)
    expect(await visitor.visit((now) => ({ ...now }))).toEqual({ user: 'bob' })
  })

  test('keeps the data where it is told to, those not yet saved included', async () => {
    const { visitor } = await signedIn()
    await visitor.visit(async (session) => {
      session.views = 1
      await session.regenerate({ keepData: true })
      session.cart = ['b']
    })
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({
      user: 'ann',
      views: 1,
      cart: ['b'],
    })
  })

  test('with a callback gives the request a new session object', async () => {
    const { visitor } = await signedIn()
    const step = await visitor.request()
    const { session } = step
    const args = await new Promise((resolve) => {
      void session.regenerate((...given) => resolve(given))
    })
    expect(args).toEqual([])
    expect(step.session).not.toBe(session)
    step.session.user = 'bob'
    await step.settle()
    step.arrive()
    expect(await visitor.visit((now) => ({ ...now }))).toEqual({ user: 'bob' })
  })

  test.each([
    ['a grace longer than half a minute', { grace: '31s' }],
    ['a grace that is no duration', { grace: 'soon' }],
  ])('with %s is refused and changes nothing', async (_title, options) => {
    const { visitor } = await signedIn()
    const before = visitor.cookie
    await visitor.visit(async (session) => {
      const wrong = options as unknown as { grace: '30s' }
      await expect(session.regenerate(wrong)).rejects.toMatchObject({ code: 'ERR_OPTION' })
    })
    expect(visitor.cookie).toBe(before)
    expect(await visitor.visit(({ user }) => user)).toBe('ann')
  })
})

describe('a verb of users with a callback', () => {
  test('calls it once, with nothing or with the error', async () => {
    const { visitor } = await signedIn()
    await visitor.visit(async (session) => {
      const calling = (verb: (callback: (error?: unknown) => void) => unknown) =>
        new Promise<unknown>((resolve) => void verb(resolve))
      expect(await calling((done) => session.signIn('ann', done))).toBeUndefined()
      expect(session.meta.userId).toBe('ann')
      expect(await calling((done) => session.signIn('ann', { persistent: true }, done))).toBe(
        undefined,
      )
      expect(session.meta.persistent).toBe(true)
      expect(await calling((done) => session.reauthenticate(done))).toBeUndefined()
      await session.save()
      expect(await calling((done) => session.signOut(done))).toBeUndefined()
      expect(session.meta.userId).toBeUndefined()
      const code = 'ERR_NOT_SIGNED_IN'
      expect(await calling((done) => session.reauthenticate(done))).toMatchObject({ code })
    })
  })
})

describe('signIn', () => {
  test('with limits that are refused leaves the session as it was', async () => {
    const { visitor } = await signedIn()
    await visitor.visit(async (session) => {
      const wrong = [{ idleTimeout: 'soon' }, { idleTimeout: '2d', absoluteTimeout: '1d' }] as const
      for (const limits of wrong) {
        const options = { keepData: false, ...limits } as { keepData: boolean }
        const signing = session.signIn('ann', options)
        await expect(signing).rejects.toMatchObject({ code: 'ERR_OPTION' })
      }
      expect({ ...session }).toEqual({ user: 'ann', cart: ['a'] })
    })
  })
})

describe('destroy', () => {
  test('ends the session now and clears the cookie with the response', async () => {
    const { visitor, sessions } = await signedIn()
    const secondTab = new Visitor(sessions, visitor.cookie)
    const step = await visitor.request()
    await step.session.destroy()
    expect(await secondTab.visit(({ user }) => user)).toBeUndefined()
    expect(step.session).toBeNull()
    await step.settle()
    step.arrive()
    expect(visitor.cookie).toBeUndefined()
  })

  test('is the same as assigning null, which waits for the end of the request', async () => {
    const { visitor, sessions } = await signedIn()
    const secondTab = new Visitor(sessions, visitor.cookie)
    const step = await visitor.request()
    step.assign(null)
    expect(step.session).toBeNull()
    expect(await secondTab.visit(({ user }) => user)).toBe('ann')
    await step.settle()
    expect(await secondTab.visit(({ user }) => user)).toBeUndefined()
    step.arrive()
    expect(visitor.cookie).toBeUndefined()
  })

  test('of a visitor without a session sends nothing', async () => {
    const { visitor } = setUp()
    const step = await visitor.request()
    await step.session.destroy()
    await step.settle()
    expect(step.leave()).toEqual([])
  })

  test('and an object after it start another session under another id', async () => {
    const { visitor, sessions } = await signedIn()
    const secondTab = new Visitor(sessions, visitor.cookie)
    const step = await visitor.request()
    step.assign(null)
    step.assign({ user: 'bob' })
    await step.settle()
    step.arrive()
    expect(visitor.cookie).not.toBe(secondTab.cookie)
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({ user: 'bob' })
    expect(await secondTab.visit(({ user }) => user)).toBeUndefined()
  })

  test('leaves verbs that say so', async () => {
    const { visitor } = await signedIn()
    const { session } = await visitor.request()
    await session.destroy()
    const gone = { code: 'ERR_SESSION_GONE' }
    await expect(session.touch()).rejects.toMatchObject(gone)
    await expect(session.reload()).rejects.toMatchObject(gone)
    await expect(session.update('user', () => 'bob')).rejects.toMatchObject(gone)
    await expect(session.increment('views')).rejects.toMatchObject(gone)
    await expect(session.take('user')).rejects.toMatchObject(gone)
  })
})

describe('assigning an object', () => {
  test('replaces all data and keeps the id', async () => {
    const { visitor } = await signedIn()
    const before = visitor.cookie
    const step = await visitor.request()
    step.assign({ user: 'bob' })
    await step.settle()
    step.arrive()
    expect(visitor.cookie).toBe(before)
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({ user: 'bob' })
  })

  test('that is the session itself changes nothing', async () => {
    const { visitor } = await signedIn()
    const step = await visitor.request()
    const { session } = step
    step.assign(session)
    expect(step.session).toBe(session)
  })

  test.each([[5], ['text'], [true], [['list']], [Symbol('s')]])(
    'does not work with %o',
    async (value) => {
      const { visitor } = await signedIn()
      const step = await visitor.request()
      const wrong = value as unknown as object
      expect(() => step.assign(wrong)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }))
      expect(step.session.user).toBe('ann')
    },
  )
})

describe('update, increment and take', () => {
  test('start from what is stored now, not from what this request loaded', async () => {
    const { visitor } = await signedIn()
    const step = await visitor.request()
    await visitor.visit((session) => void Object.assign(session, { views: 10, cart: ['a', 'b'] }))
    expect(await step.session.increment('views', 5)).toBe(15)
    expect(await step.session.update('cart', (cart = []) => [...cart, 'c'])).toEqual([
      'a',
      'b',
      'c',
    ])
    expect(await step.session.take('user')).toBe('ann')
    expect({ ...step.session }).toEqual({ views: 15, cart: ['a', 'b', 'c'] })
    await step.settle()
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({
      views: 15,
      cart: ['a', 'b', 'c'],
    })
  })

  test('work on a session that is not stored yet', async () => {
    const { visitor } = setUp()
    await visitor.visit(async (session) => {
      expect(await session.increment('views')).toBe(1)
      expect(await session.increment('views', 2)).toBe(3)
      expect(await session.update('cart', (cart) => [...(cart ?? []), 'a'])).toEqual(['a'])
      expect(await session.update('user', () => 'ann')).toBe('ann')
      expect(await session.take('user')).toBe('ann')
      expect(await session.take('user')).toBeUndefined()
    })
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({ views: 3, cart: ['a'] })
  })

  test('do not save or forget what the request changed elsewhere', async () => {
    const { visitor } = await signedIn()
    const step = await visitor.request()
    step.session.user = 'bob'
    await step.session.increment('views')
    expect(await visitor.visit(({ user }) => user)).toBe('ann')
    await step.settle()
    expect(await visitor.visit((session) => ({ ...session }))).toMatchObject({
      user: 'bob',
      views: 1,
    })
  })

  test('an update to undefined removes the field', async () => {
    const { visitor } = await signedIn()
    await visitor.visit((session) => session.update('cart', () => undefined))
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({ user: 'ann' })
  })

  test('an update that throws changes nothing', async () => {
    const { visitor } = await signedIn()
    const boom = new Error('boom')
    const failing = visitor.visit((session) =>
      session.update('cart', () => {
        throw boom
      }),
    )
    await expect(failing).rejects.toBe(boom)
    expect(await visitor.visit(({ cart }) => cart)).toEqual(['a'])
  })

  test.each<[string, unknown, number]>([
    ['a text', 'ann', 1],
    ['a fraction', 1.5, 1],
    ['the largest exact integer', Number.MAX_SAFE_INTEGER, 1],
    ['the smallest exact integer', Number.MIN_SAFE_INTEGER, -1],
    ['a list', [], 1],
    ['1, and the step is a fraction', 1, 0.5],
    ['1, and the step is no number', 1, Number.NaN],
    ['1, and the step is infinite', 1, Number.POSITIVE_INFINITY],
  ])('an increment of %s is refused, stored or not', async (_title, value, by) => {
    const { visitor } = setUp()
    const refused = { code: 'ERR_NOT_INTEGER', fields: ['views'] }
    await visitor.visit(async (session) => {
      Object.assign(session, { views: value })
      await expect(session.increment('views', by)).rejects.toMatchObject(refused)
    })
    await visitor.visit(async (session) => {
      await expect(session.increment('views', by)).rejects.toMatchObject(refused)
    })
    expect(await visitor.visit(({ views }) => views)).toEqual(value)
  })

  test.each(['save', '@', '__proto__'])('refuse the reserved name %s', async (name) => {
    const { visitor } = await signedIn()
    const { session } = (await visitor.request()) as unknown as { session: Session }
    const refused = { code: 'ERR_RESERVED_NAME', fields: [name] }
    await expect(session.update(name, () => 1)).rejects.toMatchObject(refused)
    await expect(session.increment(name)).rejects.toMatchObject(refused)
    await expect(session.take(name)).rejects.toMatchObject(refused)
  })

  test('refuse what cannot be stored, on a stored and on a new session', async () => {
    const { visitor } = await signedIn()
    const { session } = await visitor.request()
    const wrong = (): string[] => [(() => 'a') as unknown as string]
    const refused = { code: 'ERR_NOT_SERIALISABLE', fields: ['cart'] }
    await expect(session.update('cart', wrong)).rejects.toMatchObject(refused)
    const newcomer = await setUp().visitor.request()
    await newcomer.session.update('cart', wrong).catch(() => undefined)
    await expect(newcomer.settle()).rejects.toMatchObject(refused)
  })
})

describe('setLifetime', () => {
  test('changes the limits of this session from its next save on', async () => {
    const { visitor, clock, store } = await signedIn({ idleTimeout: '1h', absoluteTimeout: '8h' })
    await visitor.visit((session) => {
      session.setLifetime({ idleTimeout: '1d', absoluteTimeout: '30d' })
      expect(session.meta.expiresAt).toEqual(new Date(clock.now() + 86_400_000))
    })
    const text = await store.load(handleOf(idOf(visitor)))
    expect(decodeDocument(text ?? '', jsonCodec)).toMatchObject({
      meta: { idleTimeout: 86_400_000, absoluteDeadline: clock.now() + 30 * 86_400_000 },
    })
    clock.advance(86_399_999)
    expect(await visitor.visit(({ user }) => user)).toBe('ann')
  })

  test.each([
    ['a wrong idle timeout', { idleTimeout: 0 }, 'idleTimeout'],
    ['a wrong absolute timeout', { absoluteTimeout: 'never' }, 'absoluteTimeout'],
    ['a persistent that is no boolean', { persistent: 1 }, 'persistent'],
    ['an option it does not have', { maxAge: 5 }, "'maxAge'"],
  ])('refuses %s at once', async (_title, wrong, named) => {
    const { visitor } = await signedIn()
    const { session } = await visitor.request()
    expect(() => session.setLifetime(wrong as object)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', message: expect.stringContaining(named) }),
    )
  })
})

function idOf(visitor: { cookie: string | undefined }): SessionId {
  return (visitor.cookie?.split('=')[1] ?? '') as SessionId
}
