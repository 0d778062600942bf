/**
 * Whatever a few browsers do, in whatever order the store hears and answers them: the invariants hold.
 * fast-check invents the requests and the order, and prints the seed and the shortest story that fails;
 * `SEED=… PATH_OF=…` tells it again.
 */
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Store } from '../../src/index.ts'
import { memoryStore } from '../../src/memory/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { fakeClock } from '../support/clock.ts'
import type { FakeClock } from '../support/clock.ts'
import { freshPrefix, redisServers } from '../support/redis.ts'
import { Pause } from './model/pause.ts'
import { Round } from './model/round.ts'
import type { Deed } from './model/round.ts'
import { Site, USERS } from './model/site.ts'

const isLong = process.env['LONG'] !== undefined
const seed = process.env['SEED']
const path = process.env['PATH_OF']
const again = seed === undefined ? {} : { seed: Number(seed), ...(path !== undefined && { path }) }

const browser = fc.nat({ max: 1 })
const user = fc.constantFrom(...USERS)
const plain = fc.constantFrom(
  'read',
  'read',
  'write',
  'write',
  'increment',
  'update',
  'regenerate',
  'reauthenticate',
  'signOut',
  'destroy',
  'revokeOthers',
)
const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 9, arbitrary: plain.map((kind) => ({ kind })) },
  { weight: 3, arbitrary: user.map((of) => ({ kind: 'signIn', user: of }) as const) },
  { weight: 1, arbitrary: user.map((of) => ({ kind: 'revokeAll', user: of }) as const) },
  { weight: 1, arbitrary: browser.map((of) => ({ kind: 'revoke', of }) as const) },
)
const requests = fc.array(fc.record({ browser, deed }), { minLength: 1, maxLength: 4 })
const minutes = fc.constantFrom(1, 5, 20, 29, 31)

interface Place {
  readonly store: (prefix: string, clock: FakeClock) => Store
  readonly runs: number
}

/** Each story begins with a stranger's session and one of a user. */
async function begin(site: Site): Promise<void> {
  await new Round([{ browser: 0, deed: { kind: 'write' } }]).run({}, site)
  await new Round([{ browser: 1, deed: { kind: 'signIn', user: 'ann' } }]).run({}, site)
}

let redis: Redis
beforeAll(() => {
  redis = new Redis(redisServers().single.url, { enableAutoPipelining: true })
})
afterAll(() => redis.disconnect())

const places: Record<string, Place> = {
  memory: { store: (_, clock) => memoryStore({ clock }), runs: isLong ? 3000 : 60 },
  Redis: {
    store: (prefix) => redisStore({ client: redis, prefix }),
    runs: isLong ? 1000 : 20,
  },
}

describe.each(Object.entries(places))('sessions in %s', (place, { store, runs }) => {
  test(
    `keep their invariants in ${runs} stories, at every step`,
    { timeout: isLong ? 3_600_000 : 60_000 },
    async () => {
      const prefix = freshPrefix()
      const story = fc.commands(
        [requests.map((at) => new Round(at)), minutes.map((passing) => new Pause(passing))],
        { maxCommands: 12 },
      )
      let told = 0
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), story, async (scheduler, commands) => {
          const clock = fakeClock()
          const site = new Site(store(`${prefix}${told++}:`, clock), clock, scheduler)
          await fc.asyncModelRun(async () => {
            await begin(site)
            return { model: {}, real: site }
          }, commands)
        }),
        { numRuns: runs, ...again },
      )
      if (place !== 'Redis') return
      // Every key has an end: the sampler of the test run looks as well, but not at each instant.
      const keys = await redis.keys(`${prefix}*`)
      expect(await Promise.all(keys.map((key) => redis.pttl(key)))).not.toContain(-1)
    },
  )
})
