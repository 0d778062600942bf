import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { engines, inBatches } from '../support/engines.ts'
import { fakeClock } from '../support/clock.ts'
import { monitor } from '../support/monitor.ts'
import { redisServers } from '../support/redis.ts'
import { Visitor } from '../support/visitor.ts'

interface Data {
  user: string
  count: number
}

describe('strict ids', () => {
  test('of 10,000 invented ids none is adopted', async () => {
    const [server] = engines<Data>(1)
    let adopted = 0
    await inBatches(10_000, 500, async () => {
      const invented = `__Host-sid=${randomBytes(34).toString('base64url')}`
      const visitor = new Visitor(server!, invented)
      await visitor.visit((session) => void (session.count = 1))
      if (visitor.cookie === invented) adopted++
    })
    expect(adopted).toBe(0)
  })

  test('10 parallel regenerations, 20 times over, leave one live session each', async () => {
    const servers = engines<Data>(10)
    for (let round = 0; round < 20; round++) {
      const visitor = new Visitor(servers[0]!)
      await visitor.visit((session) => void (session.user = 'ann'))
      const before = visitor.cookie
      const requests = await Promise.all(servers.map((server) => visitor.request(server)))
      const outcomes = await Promise.allSettled(
        requests.map(async ({ session, settle }) => {
          await session.regenerate({ keepData: true })
          await settle()
        }),
      )
      const jars = requests.map((request) => {
        const jar = new Visitor<Data>(servers[0]!)
        for (const [name, line] of request.leave()) {
          if (name === 'Set-Cookie') jar.cookie = line.split(';')[0]
        }
        return jar
      })
      const users = await Promise.all(jars.map((jar) => jar.visit((session) => session.user)))
      expect(users.filter((user) => user === 'ann')).toHaveLength(1)
      expect(outcomes.every(({ status }) => status === 'fulfilled')).toBe(true)
      expect(await new Visitor(servers[0]!, before).visit(({ user }) => user)).toBeUndefined()
    }
  })

  test('a regeneration that lost the race is an error for code that awaits its save', async () => {
    const [here, there] = engines<Data>(2)
    const visitor = new Visitor(here!)
    await visitor.visit((session) => void (session.user = 'ann'))
    const [first, second] = [await visitor.request(here), await visitor.request(there)]
    await first.session.regenerate({ keepData: true })
    await second.session.regenerate({ keepData: true })
    await first.session.save()
    await expect(second.session.save()).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' })
  })

  test('the old id is dead the moment the new one is saved', async () => {
    const [here, there] = engines<Data>(2)
    const visitor = new Visitor(here!)
    await visitor.visit((session) => void (session.user = 'ann'))
    const old = visitor.cookie
    await visitor.visit((session) => session.regenerate({ keepData: true }))
    expect(visitor.cookie).not.toBe(old)
    expect(await visitor.visit(({ user }) => user)).toBe('ann')
    expect(await new Visitor(there!, old).visit(({ user }) => user)).toBeUndefined()
  })

  test('with a grace the old id answers for the new session, until the grace is over', async () => {
    const clock = fakeClock(Date.now())
    const [here, there] = engines<Data>(2, { clock })
    const visitor = new Visitor(here!)
    await visitor.visit((session) => void (session.user = 'ann'))
    const old = new Visitor(there!, visitor.cookie)
    await visitor.visit((session) => session.regenerate({ keepData: true, grace: '10s' }))
    const both = new Visitor(there!, `${old.cookie}; ${visitor.cookie}`)
    expect(await both.visit(({ user }) => user)).toBe('ann')
    clock.advance(9_999)
    await old.visit((session) => void (session.count = 7))
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({ user: 'ann', count: 7 })
    clock.advance(1)
    expect(await old.visit((session) => ({ ...session }))).toEqual({})
  })

  test('regenerate without options leaves the data behind', async () => {
    const [server] = engines<Data>(1)
    const visitor = new Visitor(server!)
    await visitor.visit((session) => void (session.user = 'ann'))
    await visitor.visit(async (session) => {
      await session.regenerate()
      session.count = 1
    })
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({ count: 1 })
  })

  test('an id of another secret, and one of another cookie, is refused before Redis is asked', async () => {
    const secret = 'qA9x7Lr2Vn5Tz8Kc3Jw6Ym1Pd4Hf0Gb_'
    const [server] = engines<Data>(1, { secret })
    const [stranger] = engines<Data>(1, { secret: 'Zb0Gf4Hd1Pm6Yw3Jc8Kz5Tn2Vr7Lx9Aq-' })
    const [sibling] = engines<Data>(1, { secret, cookie: { name: '__Host-admin', secure: true } })
    const visitor = new Visitor(server!)
    await visitor.visit((session) => void (session.user = 'ann'))
    const seen = await monitor(redisServers().single.port)
    const reasons: string[] = []
    const value = visitor.cookie?.split('=')[1]
    for (const [other, cookie] of [
      [stranger!, visitor.cookie],
      [sibling!, `__Host-admin=${value}`],
    ] as const) {
      other.events.on('rejected', ({ reason }) => reasons.push(reason))
      expect(await new Visitor(other, cookie).visit(({ user }) => user)).toBeUndefined()
    }
    expect(reasons).toEqual(['signature', 'signature'])
    expect(await seen.linesWith('strict-ids:')).toEqual([])
  })
})
