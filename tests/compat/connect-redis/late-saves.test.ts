/** 10,000 logouts, each overtaken by a request that had begun before it: how many sessions come back? */
import { sign } from 'cookie-signature'
import session from 'express-session'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { RedisStore } from '../../../src/compat/connect-redis.ts'
import { inBatches } from '../../support/engines.ts'
import { freshPrefix, redisServers } from '../../support/redis.ts'
import { originals } from './originals.ts'
import type { AnyStore, StoreClass } from './originals.ts'

/** Quick by default; LONG=1 runs the number that the guide names. */
const ROUNDS = process.env['LONG'] ? 10_000 : 2000

const SECRET = 'of the tests'

type Middleware = (request: object, response: object, next: () => void) => void

/** One visit through the middleware of express-session, up to the moment its response is complete. */
function visit(middleware: Middleware, sid: string, handler: (request: Visited) => Promise<void>) {
  return new Promise<void>((resolve, reject) => {
    const headers = { cookie: `connect.sid=${encodeURIComponent(`s:${sign(sid, SECRET)}`)}` }
    const request = { url: '/', headers } as unknown as Visited
    const nothing = (): void => undefined
    const response = {
      end: resolve,
      write: nothing,
      writeHead: nothing,
      setHeader: nothing,
      getHeader: nothing,
      _implicitHeader: nothing,
    }
    middleware(request, response, () => {
      handler(request).then(() => response.end(), reject)
    })
  })
}

interface Visited {
  session: { user?: string; late?: string; id: string; save(done: () => void): void }
}

async function comeBack(
  Class: StoreClass,
  rounds: number,
): Promise<{ back: number; dropped: number }> {
  const redis = new Redis(redisServers().single.url, { enableAutoPipelining: true })
  onTestFinished(() => redis.disconnect())
  const prefix = freshPrefix()
  const here: AnyStore = new Class({ client: redis, prefix })
  const there = new RedisStore({ client: redis, prefix })
  let dropped = 0
  here.on('dropped', () => void dropped++)
  const middleware = (session as (options: object) => Middleware)({
    store: here,
    secret: SECRET,
    resave: false,
    saveUninitialized: false,
  })
  await inBatches(rounds, 200, async (round) => {
    const sid = `sid-${round}`
    await there.set(sid, { cookie: { originalMaxAge: null }, user: 'ada' })
    let logout: Promise<unknown> = Promise.resolve()
    await visit(middleware, sid, async (request) => {
      expect(request.session.user).toBe('ada')
      request.session.late = 'late'
      logout = there.destroy(sid)
      // A third of the saves begin after the logout is done, the others run beside it.
      if (round % 3 === 0) await logout
      if (round % 3 === 1) await new Promise<void>((done) => request.session.save(done))
    })
    await logout
  })
  const alive = await there.length()
  await there.clear()
  return { back: alive, dropped }
}

test(`0 of ${ROUNDS} late saves bring a session back`, async () => {
  const { back, dropped } = await comeBack(RedisStore as unknown as StoreClass, ROUNDS)
  expect(back).toBe(0)
  expect(dropped).toBeGreaterThan(ROUNDS * 0.3)
})

test.each([3, 8] as const)('with connect-redis %s they do', async (major) => {
  const { back } = await comeBack(originals[major], 600)
  expect(back).toBeGreaterThan(150)
})
