/** Everybody stays signed in: half of the servers swapped, then all, then native ones. */
import { expect, test } from 'vitest'
import { withSession } from '../../src/adapters/node.ts'
import { createSessions } from '../../src/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { inBatches } from '../support/engines.ts'
import { freshPrefix } from '../support/redis.ts'
import { oldApps, oldPrefix, redis, serve } from './support/apps.ts'

/** Of each package. Quick by default; LONG=1 runs the number that the guides name. */
const VISITORS = process.env['LONG'] ? 10_000 : 100
/** So many at a time. */
const WIDTH = 100

/** A browser with nothing but a jar. */
class Guest {
  readonly cookies = new Map<string, string>()

  async get(url: string): Promise<string> {
    const cookie = Array.from(this.cookies, ([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { headers: { cookie } })
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      const at = pair.indexOf('=')
      const isRemoved = /max-age=0|expires=thu, 01 jan 1970/i.test(line)
      if (isRemoved) this.cookies.delete(pair.slice(0, at))
      else this.cookies.set(pair.slice(0, at), pair.slice(at + 1))
    }
    return response.text()
  }
}

test.each(oldApps.filter(({ startSwapped }) => startSwapped))(
  `of ${VISITORS} visitors of $name nobody is logged out, and no data changes`,
  { timeout: 1_200_000 },
  async (app) => {
    const prefix = oldPrefix()
    const client = redis()
    const sessions = createSessions<{ user: string; n: number | string }>({
      store: redisStore({ client, prefix: freshPrefix() }),
      storeTimeout: '60s',
      migrateFrom: [
        app.source(prefix, { client, userOf: ({ user }) => user as string | undefined }),
      ],
    })
    const old = await serve(await app.start(prefix))
    const swapped = await serve(await app.startSwapped!(prefix))
    const native = await serve(
      withSession(sessions, async (request, response) => {
        const session = await sessions.getSession(request)
        response.end(JSON.stringify({ ...session, of: session.meta.userId }))
      }),
    )
    const guests = Array.from({ length: VISITORS }, () => new Guest())
    await inBatches(VISITORS, WIDTH, async (at) => {
      await guests[at]!.get(`${old}/sign-in?user=u-${at}&n=${at}`)
    })
    const changed: string[] = []
    /** In each step a visitor comes to these servers, one after the other. */
    const steps = { half: [old, swapped, old], all: [swapped], native: [native, native] }
    for (const [step, origins] of Object.entries(steps)) {
      await inBatches(VISITORS, WIDTH, async (at) => {
        for (const origin of origins) {
          const text = await guests[at]!.get(`${origin}/read`)
          const { user, n, of } = JSON.parse(text) as Record<string, unknown>
          const isOwner = step !== 'native' || of === `u-${at}`
          if (user !== `u-${at}` || Number(n) !== at || !isOwner) changed.push(`${step} ${at}`)
        }
      })
    }
    expect(changed).toEqual([])
    const counts = new Set<number>()
    await inBatches(VISITORS, WIDTH, async (at) => {
      counts.add(await sessions.user(`u-${at}`).count())
    })
    expect([...counts]).toEqual([1])
  },
)
