import { describe, expect, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import type { SessionsOptions } from '../../src/index.ts'
import { memoryStore } from '../../src/memory/index.ts'
import { engines, inBatches } from '../support/engines.ts'
import { fakeClock } from '../support/clock.ts'
import { Visitor } from '../support/visitor.ts'

interface Data {
  tenantId: string | number
  oidc: { sid: string }
  groups: string[]
  note: string
}

const references: NonNullable<SessionsOptions<Data>['references']> = {
  tenantId: true,
  oidcSid: (session) => (session['oidc'] as { sid?: string } | undefined)?.sid,
  group: (session) => session['groups'],
}

describe.each(['single', 'cluster'] as const)('references (%s)', (topology) => {
  const start = (count: number, options: SessionsOptions<Data> = {}) =>
    engines<Data>(count, { references, ...options }, topology)

  test('sessions are found by the value of a field, by a function of the data, and by one of several values', async () => {
    const [here, there] = start(2)
    const [ann, bob] = [new Visitor(here!), new Visitor(there!)]
    await ann.visit((session) => void Object.assign(session, { tenantId: 7, groups: ['a', 'b'] }))
    await bob.visit((session) => void (session.oidc = { sid: 's-1' }))
    const handles = await Promise.all([ann, bob].map((v) => v.visit(({ meta }) => meta.handle)))
    const found = async (name: string, value: string | number) =>
      (await here!.by(name, value).list()).sessions.map(({ handle }) => handle)
    expect(await found('tenantId', 7)).toEqual([handles[0]])
    expect(await found('group', 'b')).toEqual([handles[0]])
    expect(await found('oidcSid', 's-1')).toEqual([handles[1]])
    expect(await found('tenantId', 8)).toEqual([])
  })

  test('a reference follows its field when it changes, is unset, or the session gets a new id', async () => {
    const [server] = start(1)
    const count = async (...values: string[]) =>
      Promise.all(values.map((value) => server!.by('tenantId', value).count()))
    const visitor = new Visitor(server!)
    await visitor.visit((session) => void (session.tenantId = 't1'))
    await visitor.visit((session) => void (session.tenantId = 't2'))
    expect(await count('t1', 't2')).toEqual([0, 1])
    await visitor.visit((session) => session.regenerate({ keepData: true }))
    expect(await count('t1', 't2')).toEqual([0, 1])
    await visitor.visit((session) => session.signIn('ann'))
    expect(await count('t1', 't2')).toEqual([0, 1])
    await visitor.visit((session) => session.update('tenantId', () => 't3'))
    expect(await count('t2', 't3')).toEqual([0, 1])
    await visitor.visit((session) => void delete session.tenantId)
    expect(await count('t3')).toEqual([0])
  })

  test('a session that ended, in whatever way, is not found any more', async () => {
    const [server] = start(1)
    const ends: ((visitor: Visitor<Data>) => Promise<unknown>)[] = [
      (visitor) => visitor.visit((session) => session.destroy()),
      (visitor) => visitor.visit((session) => session.signOut()),
      async (visitor) => server!.revoke((await visitor.visit(({ meta }) => meta.handle)) ?? ''),
    ]
    for (const end of ends) {
      const visitor = new Visitor(server!)
      await visitor.visit((session) => void (session.tenantId = 't1'))
      expect(await server!.by('tenantId', 't1').count()).toBe(1)
      await end(visitor)
      expect(await server!.by('tenantId', 't1').count()).toBe(0)
    }
  })

  test('revokeAll ends all sessions of a value, signed in or not, and no others', async () => {
    const [here, there] = start(2)
    const visitors = Array.from({ length: 6 }, () => new Visitor(there!))
    for (const [at, visitor] of visitors.entries()) {
      await visitor.visit((session) => void (session.tenantId = at < 4 ? 't1' : 't2'))
      if (at % 2) await visitor.visit((session) => session.signIn(`user ${at}`))
    }
    expect((await here!.by('tenantId', 't1').revokeAll()).ended).toHaveLength(4)
    const left = await Promise.all(visitors.map((v) => v.visit(({ tenantId }) => tenantId)))
    expect(left).toEqual([undefined, undefined, undefined, undefined, 't2', 't2'])
    expect(await here!.user('user 1').count()).toBe(0)
    expect(await here!.user('user 5').count()).toBe(1)
  })

  test.each([
    ['lately', 0],
    ['a while ago, so that reading removes their notes', 10 * 60_000],
  ])('sessions that ended by their user %s hide no other one', async (_, pause) => {
    const clock = fakeClock(Date.now())
    const [server] = start(1, { clock })
    const join = (session: { tenantId?: string | number | undefined }) =>
      void (session.tenantId = 't1')
    await inBatches(150, 50, () => new Visitor(server!).visit(join).then(() => undefined))
    clock.advance(1000)
    await inBatches(150, 50, async () => {
      const visitor = new Visitor(server!)
      await visitor.visit(join)
      await visitor.visit((session) => session.signIn('ann'))
    })
    await server!.user('ann').revokeAll()
    clock.advance(pause)
    const tenant = server!.by('tenantId', 't1')
    const listed = new Set<string>()
    for (let offset: number | undefined = 0; offset !== undefined;) {
      const page = await tenant.list({ limit: 40, offset })
      for (const { handle } of page.sessions) listed.add(handle)
      offset = page.next
    }
    expect(listed.size).toBe(150)
    expect(await tenant.count()).toBe(150)
    expect((await tenant.revokeAll()).ended).toHaveLength(150)
    expect(await tenant.count()).toBe(0)
  })

  test('of two requests that change a reference at once, the one that was saved last is found', async () => {
    const [here, there] = start(2)
    for (let at = 0; at < 20; at++) {
      const visitor = new Visitor(here!)
      await visitor.visit((session) => void (session.tenantId = `${at} before`))
      const first = await visitor.request(here)
      const second = await visitor.request(there)
      first.session.tenantId = `${at} first`
      second.session.tenantId = `${at} second`
      await Promise.all([first.settle(), second.settle()])
      const now = await visitor.visit(({ tenantId }) => String(tenantId))
      expect(await here!.by('tenantId', now).count()).toBe(1)
      const other = now.endsWith('first') ? `${at} second` : `${at} first`
      expect(await here!.by('tenantId', other).count()).toBe(0)
    }
  })

  test('a value that is taken back while its old note is being removed is found', async () => {
    const [here, there] = start(2)
    const visitor = new Visitor(here!)
    await visitor.visit((session) => void (session.tenantId = 't1'))
    for (let at = 0; at < 50; at++) {
      await visitor.visit((session) => void (session.tenantId = 't2'), here)
      await visitor.visit((session) => void (session.tenantId = 't1'), there)
      expect(await there!.by('tenantId', 't1').count()).toBe(1)
    }
  })

  test('values of any kind make no broken key', async () => {
    const [server] = start(1)
    for (const value of ['a:b', '{x}', ' ', '\n', '😀', '*', 'x'.repeat(10_000)]) {
      await new Visitor(server!).visit((session) => void (session.tenantId = value))
      expect(await server!.by('tenantId', value).count()).toBe(1)
    }
  })

  test('a note without its session is passed over, and removed once it is old', async () => {
    const clock = fakeClock(Date.now())
    const [server] = start(1, { clock, idleTimeout: '2m', absoluteTimeout: '1h' })
    await new Visitor(server!).visit((session) => void (session.tenantId = 't1'))
    clock.advance(3 * 60_000)
    expect(await server!.by('tenantId', 't1').list()).toEqual({ sessions: [], next: undefined })
    clock.advance(3 * 60_000)
    expect(await server!.by('tenantId', 't1').list()).toEqual({ sessions: [], next: undefined })
  })
})

test('a function that fails with some data fails their save with the remedy, and no sign-out', async () => {
  const [server] = engines<Data>(1, {
    references: { sid: (session) => (session['oidc'] as { sid: string }).sid },
  })
  const visitor = new Visitor(server!)
  await visitor.visit((session) => void (session.oidc = { sid: 's-1' }))
  const refused = visitor.visit((session) => void (session.oidc = null as never))
  await expect(refused).rejects.toMatchObject({ code: 'ERR_OPTION', status: 500 })
  await expect(refused).rejects.toThrow(/references\.sid threw a TypeError/)
  expect(await server!.by('sid', 's-1').count()).toBe(1)
  const [broken] = engines<Data>(1, { references: { sid: () => Promise.resolve('s-1') } })
  const writing = new Visitor(broken!).visit((session) => void (session.note = 'x'))
  await expect(writing).rejects.toThrow(/references\.sid returned a promise/)
})

test('a session that another release wrote can be ended, although the function of this one fails with it', async () => {
  const store = memoryStore()
  const [before, now] = [
    () => 't1',
    () => {
      throw new Error('unknown shape')
    },
  ].map((tenant) => createSessions<Data>({ store, references: { tenant } }))
  const visitor = new Visitor(before!)
  await visitor.visit((session) => void (session.note = 'x'))
  expect(await now!.by('tenant', 't1').count()).toBe(0)
  await visitor.visit((session) => session.signOut(), now)
  expect(visitor.cookie).toBeUndefined()
})

test('values that differ in half a surrogate pair are different values', async () => {
  const [server] = engines<Data>(1, { references })
  await new Visitor(server!).visit((session) => void (session.tenantId = 'a\ud800'))
  const count = (value: string) => server!.by('tenantId', value).count()
  expect([await count('a\ud800'), await count('a\ud801')]).toEqual([1, 0])
})

test('an unknown reference, and an impossible value, is refused with the remedy', () => {
  const [server] = engines<Data>(1, { references })
  expect(() => server!.by('tenant', 't1')).toThrow(/references/)
  for (const value of ['', undefined, null, {}, []] as string[]) {
    expect(() => server!.by('tenantId', value)).toThrow(/not empty/)
  }
})
