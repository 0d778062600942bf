/** Ending all of something while there is always one more of it. */
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import type { CallClient } from '../../src/redis/driver.ts'
import { redisStore } from '../../src/redis/index.ts'
import { revoke } from '../../src/redis/scripts.generated.ts'
import { freshPrefix, redisServers } from '../support/redis.ts'
import { Visitor } from '../support/visitor.ts'

/** Whoever waits for the last of so many sign-ins never comes back. */
const PATIENCE = 100

test.each(['its user', 'its tenant'])(
  'revokeAll ends while %s signs in before each of its steps',
  async (whose) => {
    const redis = new Redis(redisServers().single.url)
    onTestFinished(() => redis.disconnect())
    let signIns = 0
    const client: CallClient = {
      call: async (command, args) => {
        if (args[0] === revoke.sha1) {
          if (++signIns > PATIENCE) throw new Error('it goes on for ever')
          await signedIn()
        }
        return redis.call(command, args)
      },
    }
    const prefix = freshPrefix()
    const [sessions, beside] = [client, redis].map((over) =>
      createSessions<{ tenant: string }>({
        storeTimeout: '60s',
        references: { tenant: true },
        store: redisStore({ client: over, prefix }),
      }),
    )
    const signedIn = async () => {
      const visitor = new Visitor(beside!)
      await visitor.visit((session) => {
        session.tenant = 't1'
        return session.signIn('ann')
      })
      return visitor
    }
    const earlier = [await signedIn(), await signedIn(), await signedIn()]
    const all = whose === 'its user' ? sessions!.user('ann') : sessions!.by('tenant', 't1')
    expect((await all.revokeAll()).ended.length).toBeGreaterThan(3)
    const users = await Promise.all(earlier.map((v) => v.visit(({ meta }) => meta.userId)))
    expect(users).toEqual([undefined, undefined, undefined])
  },
)
