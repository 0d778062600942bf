import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { HandstampError } from '../../../src/core/errors.ts'
import { resolveEngine } from '../../../src/core/options.ts'
import type { OnStoreFailure } from '../../../src/core/outage.ts'
import { Sessions } from '../../../src/core/sessions.ts'
import type { Session } from '../../../src/core/session.ts'
import { cookieTransport } from '../../../src/http/cookie-transport.ts'
import { memoryStore } from '../../../src/memory/index.ts'
import { fakeClock } from '../../support/clock.ts'
import { Visitor } from '../../support/visitor.ts'

interface Data {
  name: string
  count: number
}

/** Sessions whose store can be broken, with a near cache that knows what was read. */
function start(onStoreFailure?: OnStoreFailure) {
  const clock = fakeClock()
  const memory = memoryStore({ clock })
  let isDown = false
  const store = new Proxy(memory, {
    get: (target, name) => {
      // What it serves is then by age alone, and too old as soon as the store is down.
      if (name === 'watch') return undefined
      const part: unknown = Reflect.get(target, name)
      if (typeof part !== 'function') return part
      return (...args: unknown[]) => {
        if (isDown) return Promise.reject(new Error('ECONNRESET'))
        return (part as (...given: unknown[]) => unknown).apply(target, args)
      }
    },
  })
  const engine = resolveEngine<Data>(
    { clock, nearCache: true, ...(onStoreFailure === undefined ? {} : { onStoreFailure }) },
    {
      store,
      transport: cookieTransport({}, undefined),
      persistent: false,
      deviceOf: () => undefined,
    },
  )
  const sessions = new Sessions<Data>(engine)
  const visitor = new Visitor(sessions)
  /** A write leaves nothing in the near cache, a read does. */
  const remember = (): Promise<unknown> => visitor.visit(({ name }) => name)
  return {
    clock,
    sessions,
    visitor,
    remember,
    goDown: () => {
      isDown = true
      vi.advanceTimersByTime(2000)
    },
    recover: () => void (isDown = false),
  }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'] }))
afterEach(() => void vi.useRealTimers())

const typed = { code: 'ERR_STORE', status: 503, headers: { 'Retry-After': '1' } }

describe('a session that cannot be read', () => {
  test('is an error by default, whatever is known of it', async () => {
    const { visitor, remember, goDown } = start()
    await visitor.visit((session) => void (session.name = 'Ada'))
    await remember()
    goDown()
    await expect(visitor.request()).rejects.toMatchObject(typed)
  })

  test('is the one last known where the app wants it, and says so', async () => {
    const { visitor, remember, goDown, recover } = start('stale')
    await visitor.visit((session) => session.signIn('u-1'))
    await visitor.visit((session) => void (session.name = 'Ada'))
    await remember()
    goDown()
    const step = await visitor.request()
    const { session } = step
    expect([session.name, session.meta.isStale, session.meta.userId]).toEqual(['Ada', true, 'u-1'])
    expect(() => session.requireFresh('1h')).toThrow(expect.objectContaining(typed))
    session.name = 'Eve'
    await expect(step.settle()).rejects.toMatchObject(typed)
    expect(step.leave()).toEqual([])
    // Where the store is back in time the change is made, against what is really stored.
    const next = await visitor.request()
    next.session.count = 1
    recover()
    await next.settle()
    expect(await visitor.visit((after) => ({ ...after, stale: after.meta.isStale }))).toEqual({
      name: 'Ada',
      count: 1,
      stale: false,
    })
  })

  test('is fresh again once it was read again, or is another one', async () => {
    const { visitor, remember, goDown, recover } = start('stale')
    await visitor.visit((session) => session.signIn('u-1'))
    await remember()
    goDown()
    const reloading = await visitor.request()
    const signing = await visitor.request()
    recover()
    await reloading.session.reload()
    expect(reloading.session.meta.isStale).toBe(false)
    reloading.session.requireFresh('1h')
    await signing.session.signIn('u-1')
    expect(signing.session.meta.isStale).toBe(false)
  })

  test('is an error where nothing is known, or what is known has ended', async () => {
    const { visitor, goDown } = start('stale')
    await visitor.visit((session) => void (session.name = 'Ada'))
    goDown()
    await expect(visitor.request()).rejects.toMatchObject(typed)
    const late = start('stale')
    await late.visitor.visit((session) => void (session.name = 'Ada'))
    await late.remember()
    late.goDown()
    late.clock.advance(2 * 3_600_000)
    await expect(late.visitor.request()).rejects.toMatchObject(typed)
  })

  test('is an empty one that no verb writes, where the app can do without', async () => {
    const { visitor, goDown, recover } = start('anonymous')
    await visitor.visit((session) => void (session.name = 'Ada'))
    const { cookie } = visitor
    goDown()
    await visitor.visit((session) => {
      expect([session.name, session.meta.isStale, session.meta.isNew]).toEqual([
        undefined,
        true,
        true,
      ])
    })
    const verbs: [string, (session: Session<Data>) => unknown][] = [
      ['save', (session) => session.save()],
      ['reload', (session) => session.reload()],
      ['touch', (session) => session.touch()],
      ['regenerate', (session) => session.regenerate()],
      ['destroy', (session) => session.destroy()],
      ['signIn', (session) => session.signIn('u-1')],
      ['signOut', (session) => session.signOut()],
      ['reauthenticate', (session) => session.reauthenticate()],
      ['update', (session) => session.update('count', () => 1)],
      ['increment', (session) => session.increment('count')],
      ['take', (session) => session.take('count')],
      ['csrfToken', (session) => session.csrfToken()],
      ['verifyCsrf', async (session) => session.verifyCsrf('token')],
      ['requireFresh', async (session) => session.requireFresh('1h')],
    ]
    for (const [name, verb] of verbs) {
      const step = await visitor.request()
      const outcome = await Promise.resolve(verb(step.session)).catch((error: unknown) => error)
      expect([name, outcome instanceof HandstampError]).toEqual([name, true])
      expect(outcome).toMatchObject(typed)
      expect(step.leave()).toEqual([])
    }
    for (const change of [{ name: 'Eve' }, null]) {
      const step = await visitor.request()
      step.assign(change)
      // Even where the store is back by then: this request does not know what it would overwrite.
      recover()
      await expect(step.settle()).rejects.toMatchObject(typed)
      goDown()
    }
    recover()
    expect(visitor.cookie).toBe(cookie)
    expect(await visitor.visit(({ name }) => name)).toBe('Ada')
  })

  test('is what a function says of the request; one that has no answer is an error of the app', async () => {
    const policies: unknown[] = ['anonymous', 'error', 'nothing', Promise.resolve('anonymous')]
    const { visitor, goDown } = start(() => policies.shift() as never)
    await visitor.visit((session) => void (session.name = 'Ada'))
    goDown()
    expect(await visitor.visit(({ name }) => name)).toBeUndefined()
    await expect(visitor.request()).rejects.toMatchObject(typed)
    await expect(visitor.request()).rejects.toMatchObject({ code: 'ERR_OPTION' })
    await expect(visitor.request()).rejects.toMatchObject({ code: 'ERR_OPTION' })
  })

  test('is nothing to a visitor who brings none', async () => {
    const { sessions, goDown } = start()
    const failures: string[] = []
    sessions.events.on('storeFailed', ({ operation }) => failures.push(operation))
    goDown()
    expect(await new Visitor(sessions).visit(({ meta }) => meta.isStale)).toBe(false)
    expect(failures).toEqual([])
  })
})

test.each(['offline', 1, null])('onStoreFailure: %j is refused', (option) => {
  expect(() => start(option as never)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }))
})
