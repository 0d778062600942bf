import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { HandstampError, Session, Sessions, SessionsOptions } from '../../src/index.ts'
import { userKeyOf } from '../../src/core/user.ts'
import { engines, inBatches } from '../support/engines.ts'
import { fakeClock } from '../support/clock.ts'
import { redisServers } from '../support/redis.ts'
import { Visitor } from '../support/visitor.ts'

interface Data {
  cart: string[]
  count: number
  note: string
}

/** Quick by default; LONG=1 runs the numbers of a large site. */
const MANY = process.env['LONG'] ? 100_000 : 10_000

const topologies = ['single', 'cluster', 'memory'] as const

describe.each(topologies)('the sessions of a user (%s)', (topology) => {
  const start = (count: number, options: SessionsOptions<Data> = {}) =>
    engines<Data>(count, options, topology)

  test('a sign-in changes the id, carries the data over and ends the anonymous session', async () => {
    const [here, there] = start(2)
    const visitor = new Visitor(here!)
    await visitor.visit((session) => void (session.cart = ['a']))
    const anonymous = visitor.cookie
    await visitor.visit((session) => session.signIn('ann'))
    expect(visitor.cookie).not.toBe(anonymous)
    const seen = await visitor.visit(({ cart, meta }) => ({ cart, userId: meta.userId }), there)
    expect(seen).toEqual({ cart: ['a'], userId: 'ann' })
    expect(await new Visitor(there!, anonymous).visit((session) => ({ ...session }))).toEqual({})
  })

  test('what a parallel request put into the anonymous session is carried over too', async () => {
    const [here, there] = start(2)
    const visitor = new Visitor(here!)
    await visitor.visit((session) => void (session.cart = ['a']))
    const signIn = await visitor.request(here)
    await visitor.visit((session) => void (session.note = 'meanwhile'), there)
    signIn.session.cart = ['a', 'b']
    await signIn.session.signIn('ann')
    expect({ ...signIn.session }).toEqual({ cart: ['a', 'b'], note: 'meanwhile' })
    signIn.arrive()
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({
      cart: ['a', 'b'],
      note: 'meanwhile',
    })
  })

  test('of 10 parallel sign-ins with one cookie one succeeds, and the user has one session', async () => {
    const servers = start(10)
    const visitor = new Visitor(servers[0]!)
    await visitor.visit((session) => void (session.cart = ['a']))
    const requests = await Promise.all(servers.map((server) => visitor.request(server)))
    const outcomes = await Promise.allSettled(requests.map(({ session }) => session.signIn('ann')))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await servers[0]!.user('ann').count()).toBe(1)
  })

  test('a double click on "sign in" leaves one live session, also where the limit is one', async () => {
    const [here, there] = start(2, { maxSessionsPerUser: 1 })
    for (let round = 0; round < 20; round++) {
      const visitor = new Visitor(here!)
      await visitor.visit((session) => void (session.cart = ['a']))
      const clicks = await Promise.all([visitor.request(here), visitor.request(there)])
      const outcomes = await Promise.allSettled(clicks.map(({ session }) => session.signIn('ann')))
      expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
      for (const click of clicks) click.arrive()
      expect(await visitor.visit(({ cart, meta }) => [cart, meta.userId])).toEqual([['a'], 'ann'])
      expect(await here!.user('ann').count()).toBe(1)
    }
  })

  test('whoever signs in once more takes the place of their own session, and of no other device', async () => {
    for (const whenTooManySessions of ['evict-oldest', 'evict-idle', 'reject'] as const) {
      const [server] = start(1, { maxSessionsPerUser: 2, whenTooManySessions })
      const [laptop, phone] = [new Visitor(server!), new Visitor(server!)]
      await laptop.visit((session) => session.signIn('ann'))
      await phone.visit((session) => session.signIn('ann'))
      const before = phone.cookie
      await phone.visit(async (session) => {
        session.note = 'twice in one request'
        await session.signIn('ann')
        await session.signIn('ann')
      })
      expect(phone.cookie).not.toBe(before)
      const seen = [laptop, phone].map((device) => device.visit(({ meta }) => meta.userId))
      expect(await Promise.all(seen)).toEqual(['ann', 'ann'])
      expect(await phone.visit(({ note }) => note)).toBe('twice in one request')
      expect(await server!.user('ann').count()).toBe(2)
      expect(await new Visitor(server!, before).visit(({ meta }) => meta.userId)).toBeUndefined()
    }
  })

  test('another user at the same browser ends the session of the one before', async () => {
    const [server] = start(1)
    const told: unknown[] = []
    const visitor = new Visitor(server!)
    await visitor.visit((session) => session.signIn('ann'))
    const handle = await visitor.visit(({ meta }) => meta.handle)
    server!.events.on('destroyed', (event) => told.push(['destroyed', event.handle]))
    server!.events.on('signedIn', ({ userId }) => told.push(['signedIn', userId]))
    await visitor.visit((session) => session.signIn('bob', { keepData: false }))
    expect(told).toEqual([
      ['destroyed', handle],
      ['signedIn', 'bob'],
    ])
    expect(await server!.user('ann').count()).toBe(0)
    expect(await server!.user('bob').count()).toBe(1)
  })

  test('of parallel sign-ins only the one that took place is told', async () => {
    const servers = start(5)
    const told: string[] = []
    for (const { events } of servers) {
      events.on('signedIn', () => told.push('signedIn'))
      events.on('destroyed', () => told.push('destroyed'))
    }
    const visitor = new Visitor(servers[0]!)
    await visitor.visit((session) => void (session.cart = ['a']))
    const requests = await Promise.all(servers.map((server) => visitor.request(server)))
    const users = ['ann', 'bob', 'cid', 'dan', 'eve']
    await Promise.allSettled(requests.map(({ session }, at) => session.signIn(users[at]!)))
    expect(told).toEqual(['signedIn'])
    const counts = await Promise.all(users.map((user) => servers[0]!.user(user).count()))
    expect(counts.toSorted((a, b) => a - b)).toEqual([0, 0, 0, 0, 1])
  })

  test('a sign-in whose merge does not fit has taken place all the same, and the change is told as dropped', async () => {
    const [here, there] = start(2, { maxBytes: 4096 })
    const dropped: string[] = []
    here!.events.on('dropped', ({ reason }) => dropped.push(reason))
    const visitor = new Visitor(here!)
    await visitor.visit((session) => void (session.cart = ['a']))
    const signIn = await visitor.request(here)
    await visitor.visit((session) => void (session.note = 'n'.repeat(2500)), there)
    signIn.session.cart = ['c'.repeat(2500)]
    await signIn.session.signIn('ann')
    await signIn.settle()
    signIn.arrive()
    expect(dropped).toEqual(['too-large'])
    const seen = await visitor.visit(({ cart, note, meta }) => [cart?.length, note, meta.userId])
    expect(seen).toEqual([1, undefined, 'ann'])
  })

  test('a sign-in that is rejected leaves the session as it was, its data and the limits it was to get', async () => {
    const options = { maxSessionsPerUser: 1, whenTooManySessions: 'reject' } as const
    const [server] = start(1, options)
    await new Visitor(server!).visit((session) => session.signIn('ann'))
    const visitor = new Visitor(server!)
    await visitor.visit((session) => void (session.cart = ['a']))
    await visitor.visit(async (session) => {
      session.setLifetime({ persistent: true })
      const code = 'ERR_SESSION_LIMIT'
      await expect(session.signIn('ann', { keepData: false })).rejects.toMatchObject({ code })
    })
    const seen = await visitor.visit(({ cart, meta }) => [cart, meta.persistent])
    expect(seen).toEqual([['a'], true])
  })

  test('100 parallel sign-ins on 5 servers with a limit of 5 leave exactly 5 live sessions', async () => {
    const servers = start(5, { maxSessionsPerUser: 5 })
    const evicted: string[] = []
    for (const server of servers) {
      server.events.on('revoked', ({ handle, by }) => by === 'limit' && evicted.push(handle))
    }
    const visitors = Array.from({ length: 100 }, (_, at) => new Visitor(servers[at % 5]!))
    await Promise.all(visitors.map((visitor) => visitor.visit((s) => s.signIn('ann'))))
    const users = await Promise.all(visitors.map((v) => v.visit(({ meta }) => meta.userId)))
    expect(users.filter((user) => user === 'ann')).toHaveLength(5)
    expect(await servers[0]!.user('ann').count()).toBe(5)
    expect(new Set(evicted).size).toBe(95)
  })

  test('the session that began first is evicted, or the one unused for longest, or the sign-in fails', async () => {
    const clock = fakeClock(Date.now())
    const outcomes: Record<string, (string | undefined)[]> = {}
    for (const whenTooManySessions of ['evict-oldest', 'evict-idle', 'reject'] as const) {
      const [server] = start(1, { maxSessionsPerUser: 2, whenTooManySessions, clock })
      const devices = [new Visitor(server!), new Visitor(server!), new Visitor(server!)]
      const [first, second, third] = devices
      await first!.visit((session) => session.signIn('ann'))
      clock.advance(1000)
      await second!.visit((session) => session.signIn('ann'))
      clock.advance(1000)
      await first!.visit((session) => session.touch())
      clock.advance(1000)
      const outcome = await third!.visit((session) =>
        session.signIn('ann').then(
          () => 'signed in',
          (error: HandstampError) => `${error.code} ${error.status}`,
        ),
      )
      const isRefused = whenTooManySessions === 'reject'
      expect(outcome).toBe(isRefused ? 'ERR_SESSION_LIMIT 409' : 'signed in')
      outcomes[whenTooManySessions] = await Promise.all(
        devices.map((device) => device.visit(({ meta }) => meta.userId)),
      )
    }
    expect(outcomes).toEqual({
      'evict-oldest': [undefined, 'ann', 'ann'],
      'evict-idle': ['ann', undefined, 'ann'],
      reject: ['ann', 'ann', undefined],
    })
  })

  test('a rejected sign-in leaves the visitor the session they had', async () => {
    const [server] = start(1, { maxSessionsPerUser: 1, whenTooManySessions: 'reject' })
    await new Visitor(server!).visit((session) => session.signIn('ann'))
    const visitor = new Visitor(server!)
    await visitor.visit((session) => void (session.cart = ['a']))
    await visitor.visit((session) => session.signIn('ann').catch(() => undefined))
    expect(await visitor.visit(({ cart }) => cart)).toEqual(['a'])
  })

  test('the list tells all live sessions, the current one marked, and nothing that could be presented as one', async () => {
    const [here, there] = start(2)
    const [laptop, phone, other] = [here, there, here].map((server) => new Visitor(server!))
    await laptop!.visit((session) => session.signIn('ann'))
    await phone!.visit((session) => session.signIn('ann'))
    await other!.visit((session) => session.signIn('bob'))
    const current = await phone!.request()
    const { sessions, next } = await here!.user('ann').list({ current: current.session })
    expect(next).toBeUndefined()
    expect(sessions).toHaveLength(2)
    expect(sessions.filter(({ isCurrent }) => isCurrent)).toHaveLength(1)
    const text = JSON.stringify(sessions)
    for (const { cookie } of [laptop!, phone!]) expect(text).not.toContain(cookie!.split('=')[1])
  })

  test('revoking one session, the others, or all ends just these, for the next request everywhere', async () => {
    const [here, there] = start(2)
    const devices = Array.from({ length: 5 }, (_, at) => new Visitor([here, there][at % 2]!))
    for (const device of devices) await device.visit((session) => session.signIn('ann'))
    const users = () => Promise.all(devices.map((device) => device.visit((s) => s.meta.userId)))
    const handle = await devices[1]!.visit(({ meta }) => meta.handle)
    expect((await here!.user('ann').revoke(handle!)).ended).toEqual([handle])
    expect(await users()).toEqual(['ann', undefined, 'ann', 'ann', 'ann'])
    const current = await devices[2]!.request()
    expect((await there!.user('ann').revokeOthers(current.session)).ended).toHaveLength(3)
    expect(await users()).toEqual([undefined, undefined, 'ann', undefined, undefined])
    expect((await here!.user('ann').revokeAll()).ended).toHaveLength(1)
    expect(await users()).toEqual(Array.from({ length: 5 }, () => undefined))
    expect(await here!.user('ann').count()).toBe(0)
  })

  test('a session that is not stored cannot ask for the end of all others: it would end them all', async () => {
    const [server] = start(1)
    const ann = new Visitor(server!)
    await ann.visit((session) => session.signIn('ann'))
    const stranger = await new Visitor(server!).request()
    const refused = server!.user('ann').revokeOthers(stranger.session)
    await expect(refused).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' })
    expect(await ann.visit(({ meta }) => meta.userId)).toBe('ann')
  })

  test("another user's handle, and an invented one, revoke nothing", async () => {
    const [server] = start(1)
    const [ann, bob] = [new Visitor(server!), new Visitor(server!)]
    await ann.visit((session) => session.signIn('ann'))
    await bob.visit((session) => session.signIn('bob'))
    const handle = await bob.visit(({ meta }) => meta.handle)
    for (const wrong of [handle!, 'x', '', 'A'.repeat(25), '{ann}:*', `${handle!}\n`]) {
      expect(await server!.user('ann').revoke(wrong)).toEqual({
        ended: [],
        replicated: undefined,
      })
    }
    expect(await bob.visit(({ meta }) => meta.userId)).toBe('bob')
  })

  test('a logout, a sign-out and a regeneration keep the index exact', async () => {
    const [server] = start(1)
    const visitor = new Visitor(server!)
    const count = () => server!.user('ann').count()
    await visitor.visit((session) => session.signIn('ann'))
    await visitor.visit((session) => session.regenerate({ keepData: true }))
    expect(await visitor.visit(({ meta }) => meta.userId)).toBe('ann')
    expect(await count()).toBe(1)
    await visitor.visit((session) => session.signOut())
    expect(await count()).toBe(0)
    await visitor.visit((session) => session.signIn('ann'))
    await visitor.visit(async (session) => {
      await session.regenerate()
      session.note = 'anonymous again'
    })
    expect(await visitor.visit(({ meta }) => meta.userId)).toBeUndefined()
    expect(await count()).toBe(0)
  })

  test('whoever signs in with an id that was just signed out gets a session', async () => {
    const [server] = start(1)
    const visitor = new Visitor(server!)
    await visitor.visit((session) => session.signIn('ann'))
    const before = visitor.cookie
    await visitor.visit((session) => session.signOut())
    const again = new Visitor(server!, before)
    await again.visit((session) => session.signIn('ann'))
    expect(again.cookie).not.toBe(before)
    expect(await again.visit(({ meta }) => meta.userId)).toBe('ann')
  })

  test('what has expired is in no list and no count', async () => {
    const clock = fakeClock(Date.now())
    const [server] = start(1, { clock, idleTimeout: '30m' })
    for (let at = 0; at < 3; at++) await new Visitor(server!).visit((s) => s.signIn('ann'))
    clock.advance(20 * 60_000)
    await new Visitor(server!).visit((session) => session.signIn('ann'))
    clock.advance(20 * 60_000)
    expect(await server!.user('ann').count()).toBe(1)
    expect((await server!.user('ann').list()).sessions).toHaveLength(1)
  })

  test('requireFresh asks for a sign-in, then for a recent one; reauthenticate renews it under a new id', async () => {
    const clock = fakeClock(Date.now())
    const [server] = start(1, { clock })
    const visitor = new Visitor(server!)
    const check = (session: { requireFresh(maxAge: '5m'): void }) => {
      try {
        session.requireFresh('5m')
        return 'fresh'
      } catch (error) {
        return (error as HandstampError).code
      }
    }
    expect(await visitor.visit(check)).toBe('ERR_NOT_SIGNED_IN')
    await visitor.visit((session) => session.signIn('ann'))
    clock.advance(5 * 60_000)
    expect(await visitor.visit(check)).toBe('fresh')
    clock.advance(1)
    await visitor.visit((session) => session.touch())
    expect(await visitor.visit(check)).toBe('ERR_NOT_FRESH')
    const before = visitor.cookie
    await visitor.visit((session) => session.reauthenticate())
    expect(visitor.cookie).not.toBe(before)
    expect(await visitor.visit(check)).toBe('fresh')
    expect(await server!.user('ann').count()).toBe(1)
  })

  test('who has just proved who they are again changes the password and signs out everywhere else', async () => {
    const clock = fakeClock(Date.now())
    const [here, there] = start(2, { clock })
    const [laptop, phone] = [new Visitor(here!), new Visitor(there!)]
    await phone.visit((session) => session.signIn('ann'))
    await laptop.visit((session) => session.signIn('ann'))
    clock.advance(60_000)
    const devices = await laptop.visit(async (session) => {
      await session.reauthenticate()
      await here!.user('ann').revokeOthers(session)
      return here!.user('ann').list({ current: session })
    })
    expect(devices.sessions.map(({ isCurrent }) => isCurrent)).toEqual([true])
    const users = await Promise.all([laptop, phone].map((v) => v.visit(({ meta }) => meta.userId)))
    expect(users).toEqual(['ann', undefined])
    expect(await laptop.visit(({ meta }) => Number(meta.signedInAt))).toBe(clock.now())
  })

  test('a session that got a new id since the list was read is the one that is signed out, or kept', async () => {
    const [here, there] = start(2)
    const [laptop, phone] = [new Visitor(here!), new Visitor(there!)]
    await phone.visit((session) => session.signIn('ann'))
    await laptop.visit((session) => session.signIn('ann'))
    const asking = await laptop.request()
    const handle = await phone.visit(({ meta }) => meta.handle)
    for (const device of [laptop, phone, laptop, phone]) {
      await device.visit((session) => session.regenerate({ keepData: true }))
    }
    const now = await phone.visit(({ meta }) => meta.handle)
    expect((await here!.user('ann').revoke(handle!)).ended).toEqual([now])
    expect(await phone.visit(({ meta }) => meta.userId)).toBeUndefined()
    await phone.visit((session) => session.signIn('ann'))
    expect((await there!.user('ann').revokeOthers(asking.session)).ended).toHaveLength(1)
    expect(await laptop.visit(({ meta }) => meta.userId)).toBe('ann')
    const old = asking.session.meta.handle
    expect((await there!.revoke(old!)).ended).toHaveLength(1)
    expect(await laptop.visit(({ meta }) => meta.userId)).toBeUndefined()
  })

  test('a second click on "sign out" is done like the first one, unless the session goes on elsewhere', async () => {
    const [here, there] = start(2)
    const visitor = new Visitor(here!)
    await visitor.visit((session) => session.signIn('ann'))
    const clicks = [await visitor.request(here), await visitor.request(there)]
    const again = new Visitor(there!, visitor.cookie)
    for (const { session } of clicks) await session.signOut()
    await again.visit((session) => session.signOut())
    expect(await here!.user('ann').count()).toBe(0)

    await visitor.visit((session) => session.signIn('ann'))
    const late = await visitor.request(there)
    const later = new Visitor(there!, visitor.cookie)
    await visitor.visit((session) => session.reauthenticate())
    late.session.note = 'late'
    await expect(late.session.save()).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' })
    for (const { session } of [late, await later.request()]) {
      await expect(session.signOut()).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' })
    }
    expect(await visitor.visit(({ meta }) => meta.userId)).toBe('ann')
  })

  test('a sign-out with the cookies of two sessions takes both off the list', async () => {
    const [server] = start(1)
    const [one, two] = [new Visitor(server!), new Visitor(server!)]
    for (const visitor of [one, two]) await visitor.visit((session) => session.signIn('ann'))
    await new Visitor(server!, `${one.cookie}; ${two.cookie}`).visit((session) => session.signOut())
    expect(await server!.user('ann').count()).toBe(0)
    expect(await one.visit(({ meta }) => meta.userId)).toBeUndefined()
  })

  test('whoever loses an anonymous session to an administrator goes on with a new one at once', async () => {
    const [here, there] = start(2)
    const verbs = [
      (session: Session<Data>) => void (session.note = 'new'),
      (session: Session<Data>) => session.signIn('ann'),
      (session: Session<Data>) => void session.increment('count'),
    ]
    for (const verb of verbs) {
      const visitor = new Visitor(here!)
      await visitor.visit((session) => void (session.note = 'old'))
      const before = visitor.cookie
      const handle = await visitor.visit(({ meta }) => meta.handle)
      expect((await there!.revoke(handle!)).ended).toEqual([handle])
      expect(await visitor.visit(({ note }) => note)).toBeUndefined()
      await visitor.visit(verb)
      expect(visitor.cookie).not.toBe(before)
      expect(await visitor.visit(({ meta }) => meta.isNew)).toBe(false)
    }
  })

  test('looking for a session from outside tells of no rejected request', async () => {
    const [server] = start(1)
    const told: unknown[] = []
    for (const name of ['rejected', 'expired'] as const) {
      server!.events.on(name, (...event: unknown[]) => told.push(event))
    }
    const visitor = new Visitor(server!)
    await visitor.visit((session) => session.signIn('ann'))
    const handle = await visitor.visit(({ meta }) => meta.handle)
    await visitor.visit((session) => session.signOut())
    for (const unknown of [handle!, 'x'.repeat(25)]) {
      expect(await server!.find(unknown)).toBeUndefined()
      expect((await server!.revoke(unknown)).ended).toEqual([])
    }
    expect(told).toEqual([])
  })

  test.each<[string, (server: Sessions<Data>) => unknown]>([
    ['null for the options of a list', (server) => server.user('ann').list(null as never)],
    ['a misspelt option of a list', (server) => server.user('ann').list({ limt: 5 } as object)],
    [
      'null for the current session',
      (server) => server.user('ann').list({ current: null as never }),
    ],
    ['no session to keep', (server) => server.user('ann').revokeOthers(undefined as never)],
    [
      'a session to keep that is none',
      (server) => server.user('ann').revokeOthers({ meta: { handle: 'bogus' as never } }),
    ],
    ['an odd reason', (server) => server.user('ann').revokeAll('nobody' as never)],
    ['the limit as a reason', (server) => server.revoke('x'.repeat(25), 'limit' as never)],
  ])('%s is refused with the remedy, and ends nothing', async (_, ask) => {
    const [server] = start(1)
    const visitor = new Visitor(server!)
    await visitor.visit((session) => session.signIn('ann'))
    const refused = (async () => ask(server!))()
    await expect(refused).rejects.toMatchObject({ code: 'ERR_OPTION' })
    expect(await visitor.visit(({ meta }) => meta.userId)).toBe('ann')
  })

  test('what is no text is no handle', async () => {
    const [server] = start(1)
    const visitor = new Visitor(server!)
    await visitor.visit((session) => session.signIn('ann'))
    const handle = await visitor.visit(({ meta }) => meta.handle)
    for (const odd of [undefined, null, 5, {}, [handle], { toString: () => handle }] as string[]) {
      expect(await server!.find(odd)).toBeUndefined()
      expect((await server!.revoke(odd)).ended).toEqual([])
      expect((await server!.user('ann').revoke(odd)).ended).toEqual([])
    }
  })

  test('strange user ids are users like any other; impossible ones are refused', async () => {
    const [server] = start(1)
    const strange = ['a:b', '{ann}', 'a b\n', 'ünïcödé 😀', '__proto__', 'x'.repeat(512), '*', '"']
    for (const userId of strange) {
      const visitor = new Visitor(server!)
      await visitor.visit((session) => session.signIn(userId))
      expect(await visitor.visit(({ meta }) => meta.userId)).toBe(userId)
      expect((await server!.user(userId).list()).sessions).toHaveLength(1)
      expect((await server!.user(userId).revokeAll()).ended).toHaveLength(1)
    }
    for (const userId of ['', 'x'.repeat(513), 'a\ud800', 7, null, undefined, ['a']] as string[]) {
      const refused = new Visitor(server!).visit((session) => session.signIn(userId))
      await expect(refused).rejects.toMatchObject({ code: 'ERR_USER_ID' })
    }
  })

  test(`revokeAll of ${MANY} sessions while 200 sign-ins and saves run: no earlier sign-in is accepted after it`, async () => {
    const [here, there] = start(2)
    const earlier: Visitor<Data>[] = []
    await inBatches(MANY, 200, async () => {
      const visitor = new Visitor(here!)
      await visitor.visit((session) => session.signIn('ann'))
      earlier.push(visitor)
    })
    const beside = Array.from({ length: 200 }, (_, at) =>
      at % 2
        ? new Visitor(there!).visit((session) => session.signIn('ann'))
        : earlier[at]!.visit((session) => void (session.note = 'late')),
    )
    const revoking = here!.user('ann').revokeAll()
    await Promise.all([revoking, ...beside])
    let accepted = 0
    await inBatches(earlier.length, 200, async (at) => {
      if (await earlier[at]!.visit(({ meta }) => meta.userId)) accepted++
    })
    expect(accepted).toBe(0)
  })
})

describe.each(['single', 'cluster'] as const)('where Redis evicts (%s)', (topology) => {
  const start = (count: number) => engines<Data>(count, {}, topology)

  test('an index that was lost is whole again after the next touch or write of each session', async () => {
    const [server] = start(1)
    const verbs = [
      (session: Session<Data>) => session.touch(),
      (session: Session<Data>) => void (session.note = 'written'),
      (session: Session<Data>) => session.regenerate({ keepData: true }),
    ]
    for (const verb of verbs) {
      const visitor = new Visitor(server!)
      await visitor.visit((session) => session.signIn('ann'))
      await evict([userKeyOf('ann')])
      expect(await server!.user('ann').count()).toBe(0)
      await visitor.visit(verb)
      const { ended } = await server!.user('ann').revokeAll()
      expect(ended).toHaveLength(1)
    }
  })

  test('a page of the list passes over what Redis evicted, and the next one passes over nothing else', async () => {
    const [server] = start(1)
    await inBatches(60, 60, async () => {
      await new Visitor(server!).visit((session) => session.signIn('ann'))
    })
    const user = server!.user('ann')
    const { sessions } = await user.list()
    const evicted = sessions.slice(0, 15)
    await evict(evicted.map(({ handle }) => handle))
    const listed: string[] = []
    for (let offset: number | undefined = 0; offset !== undefined;) {
      const page = await user.list({ limit: 10, offset })
      listed.push(...page.sessions.map(({ handle }) => handle))
      offset = page.next
    }
    expect([listed.length, new Set(listed).size]).toEqual([45, 45])
  })

  test('what Redis evicted does not count', async () => {
    const [server] = start(1)
    const visitors = Array.from({ length: 3 }, () => new Visitor(server!))
    for (const visitor of visitors) await visitor.visit((session) => session.signIn('ann'))
    await evict([(await visitors[1]!.visit(({ meta }) => meta.handle)) ?? ''])
    expect(await server!.user('ann').count()).toBe(2)
  })
})

/** Removes the keys of sessions, or of the index of a user, as Redis does when memory is short; this file's only. */
async function evict(names: readonly string[]): Promise<void> {
  const { single, cluster } = redisServers()
  const nodes = [single, ...cluster.nodes].map(({ url }) => new Redis(url))
  onTestFinished(() => nodes.forEach((node) => node.disconnect()))
  for (const node of nodes) {
    const [role] = await node.role()
    if (role !== 'master') continue
    for (const name of names) {
      const keys = await node.keys(`users:*:${name.slice(3)}`)
      if (keys.length > 0) await node.del(keys)
    }
  }
}
