/** Verbs that nobody awaits, and code that runs inside of verbs: what the response may say. */
import { describe, expect, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import type { Session, SessionsOptions } from '../../src/index.ts'
import { memoryStore } from '../../src/memory/index.ts'
import { fakeClock } from '../support/clock.ts'
import { Visitor } from '../support/visitor.ts'

interface Data {
  user: string
  count: number
  list: number[]
}

function visitorOf(options: SessionsOptions<Data> = {}): Visitor<Data> {
  return new Visitor(createSessions<Data>({ cookie: { secure: true }, ...options }))
}

describe('a verb that nobody awaits', () => {
  test('regenerate() covers what the handler writes in the same breath', async () => {
    const visitor = visitorOf()
    await visitor.visit((session) => void (session.count = 1))
    const old = visitor.cookie
    await visitor.visit((session) => {
      void session.regenerate()
      session.user = 'ann'
    })
    expect(visitor.cookie).not.toBe(old)
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({ user: 'ann' })
  })

  test('reauthenticate() says when the user proved who they are, and gives a new id', async () => {
    const clock = fakeClock(Date.now())
    const visitor = visitorOf({ clock, store: memoryStore({ clock }) })
    await visitor.visit((session) => session.signIn('ann'))
    const old = visitor.cookie
    clock.advance(60_000)
    await visitor.visit((session) => void session.reauthenticate())
    expect(visitor.cookie).not.toBe(old)
    expect(await visitor.visit(({ meta }) => Number(meta.signedInAt))).toBe(clock.now())
  })

  test('increment() and update() are saved before the response leaves', async () => {
    const visitor = visitorOf()
    await visitor.visit((session) => void (session.count = 1))
    await visitor.visit((session) => {
      void session.increment('count')
      void session.update('list', (list = []) => [...list, 1])
    })
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({ count: 2, list: [1] })
  })

  test('destroy() that the store refused fails the request, which would tell of a logout', async () => {
    const store = memoryStore()
    const broken: (typeof store)['end'] = () => Promise.reject(new Error('READONLY'))
    const visitor = visitorOf({ store })
    await visitor.visit((session) => void (session.user = 'ann'))
    const failing = new Visitor(
      createSessions<Data>({
        cookie: { secure: true },
        store: {
          load: (handle) => store.load(handle),
          create: (...args) => store.create(...args),
          adopt: (...args) => store.adopt(...args),
          pin: (...args) => store.pin(...args),
          update: (...args) => store.update(...args),
          increment: (...args) => store.increment(...args),
          touch: (...args) => store.touch(...args),
          regenerate: (...args) => store.regenerate(...args),
          end: broken,
          claim: (...args) => store.claim(...args),
          users: store.users,
          references: store.references,
          activity: store.activity,
          revocations: store.revocations,
          close: () => store.close(),
        },
      }),
      visitor.cookie,
    )
    const step = await failing.request()
    void step.session.destroy()
    await expect(step.settle()).rejects.toMatchObject({ code: 'ERR_STORE', status: 503 })
    expect(step.leave()).toEqual([])
  })
})

describe('a verb right behind a sign-in that nobody awaits', () => {
  test.each([
    ['signOut', (session: Session<Data>) => session.signOut()],
    ['destroy', (session: Session<Data>) => session.destroy()],
  ])('%s waits its turn: nobody is left signed in', async (_, leave) => {
    for (const beforeSave of [undefined, async () => undefined]) {
      const sessions = createSessions<Data>({
        cookie: { secure: true },
        ...(beforeSave && { beforeSave }),
      })
      const visitor = new Visitor(sessions)
      await visitor.visit((session) => {
        void session.signIn('bob')
        void leave(session)
      })
      expect(await sessions.user('bob').count()).toBe(0)
      expect(visitor.cookie).toBeUndefined()
    }
  })

  test('of two sign-ins the last one holds', async () => {
    const visitor = visitorOf({})
    await visitor.visit((session) => {
      void session.signIn('bob')
      void session.signIn('carl')
    })
    expect(await visitor.visit(({ meta }) => meta.userId)).toBe('carl')
  })
})

describe('code that runs inside of a verb', () => {
  test('a verb in beforeSave is refused instead of waiting for itself', async () => {
    const codes: unknown[] = []
    const visitor = visitorOf({
      beforeSave: async (session) => {
        await session.save().catch((error: { code: string }) => codes.push(error.code))
        session.count = 7
      },
    })
    await visitor.visit((session) => void (session.user = 'ann'))
    expect(codes).toEqual(['ERR_IN_HOOK'])
    expect(await visitor.visit(({ count }) => count)).toBe(7)
  })

  test('a verb in an update() goes through', async () => {
    const visitor = visitorOf()
    await visitor.visit((session) => void (session.count = 1))
    await visitor.visit((session) =>
      session.update('list', async (list = []) => [...list, await session.increment('count')]),
    )
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({ count: 2, list: [2] })
  })

  test('a listener that rejects, or throws, harms no request', async () => {
    const sessions = createSessions<Data>()
    const warnings: string[] = []
    const listen = (warning: Error): void => void warnings.push(warning.message)
    process.on('warning', listen)
    // oxlint-disable-next-line typescript/no-misused-promises -- the mistake that this is about
    sessions.events.on('created', async () => Promise.reject(new Error('late')))
    sessions.events.on('created', () => {
      throw new Error('at once')
    })
    await new Visitor(sessions).visit((session) => void (session.user = 'ann'))
    await expect.poll(() => warnings.filter((text) => /late|at once/.test(text))).toHaveLength(2)
    process.off('warning', listen)
  })

  test('a generator of ids that needs the request, or fails once, is tried when there is one', async () => {
    let isReady = false
    const generateId = (request: unknown): Promise<string> => {
      if (request === undefined) throw new TypeError('no request')
      if (!isReady) return Promise.reject(new Error('not ready'))
      return Promise.resolve(crypto.randomUUID().replaceAll('-', ''))
    }
    const visitor = visitorOf({ generateId })
    const first = visitor.visit((session) => void (session.user = 'ann'))
    await expect(first).rejects.toThrow('not ready')
    isReady = true
    await visitor.visit((session) => void (session.user = 'ann'))
    expect(await visitor.visit(({ user }) => user)).toBe('ann')
  })
})

describe('after the end of a session', () => {
  test('save() on the object still in hand makes no new one', async () => {
    const visitor = visitorOf()
    await visitor.visit((session) => void (session.user = 'ann'))
    const step = await visitor.request()
    const { session } = step
    await session.destroy()
    await expect(session.save()).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' })
    await step.settle()
    step.arrive()
    expect(visitor.cookie).toBeUndefined()
  })

  test('reload() after regenerate() does not bring the old data back', async () => {
    const visitor = visitorOf()
    await visitor.visit((session) => void (session.user = 'ann'))
    await visitor.visit(async (session) => {
      await session.regenerate()
      session.count = 1
      await session.reload()
      session.list = [1]
    })
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({ list: [1] })
  })
})

test.each<
  [
    string,
    (session: { regenerate(o: object): unknown; setLifetime(o: object): unknown }) => unknown,
  ]
>([
  ['a misspelt option of regenerate', (session) => session.regenerate({ keepdata: true })],
  ['no limits at all', (session) => session.setLifetime(undefined as unknown as object)],
  [
    'an idle timeout over the absolute one',
    (session) => session.setLifetime({ idleTimeout: '14d' }),
  ],
])('%s is refused', async (_title, call) => {
  const visitor = visitorOf()
  await visitor.visit(async (session) => {
    const refused = (async () => call(session))()
    await expect(refused).rejects.toMatchObject({ code: 'ERR_OPTION' })
  })
})

test.each([
  ['a promise', () => Promise.resolve(1)],
  ['a regular expression', () => /a/],
  ['an error', () => new Error('x')],
  ['bytes', () => new Uint8Array(2)],
])('%s, of which JSON would keep nothing, is refused', async (_title, make) => {
  const visitor = visitorOf()
  const saving = visitor.visit((session) => void Object.assign(session, { list: [make()] }))
  await expect(saving).rejects.toMatchObject({ code: 'ERR_NOT_SERIALISABLE', fields: ['list'] })
})
