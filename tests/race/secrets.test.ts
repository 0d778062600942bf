import { inspect } from 'node:util'
import { sign } from 'cookie-signature'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import type { SessionEvents } from '../../src/index.ts'
import { fromExpressSession } from '../../src/migrate/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { startRedis } from '../../tools/redis/start.mjs'
import { monitor } from '../support/monitor.ts'
import { Visitor } from '../support/visitor.ts'

interface Data {
  user: string
  card: string
  count: number
}

const OLD_ID = 'oLdSeSsIoNiDoLdSeSsIoNiDoLdSeSsI'
const OLD_SECRET = 'keyboard cat, and a longer one too'

/** All there are: a new one that is missing here is an error of types. */
const EVENTS = Object.keys({
  created: true,
  regenerated: true,
  destroyed: true,
  signedIn: true,
  revoked: true,
  migrated: true,
  expired: true,
  rejected: true,
  corrupt: true,
  conflict: true,
  dropped: true,
  large: true,
  cacheConflict: true,
  csrfRefused: true,
  storeFailed: true,
  breakerOpened: true,
  breakerClosed: true,
} satisfies Record<keyof SessionEvents, true>) as (keyof SessionEvents)[]

/** What this test brings about; the others need a browser, a damaged document or time. */
const TOLD: (keyof SessionEvents)[] = [
  'created',
  'regenerated',
  'destroyed',
  'signedIn',
  'revoked',
  'migrated',
  'rejected',
  'dropped',
  'storeFailed',
  'breakerOpened',
]

test('no session id and no secret reaches Redis, events, errors or util.inspect', async () => {
  const server = await startRedis({ single: true })
  onTestFinished(() => server.stop())
  const redis = new Redis({ port: server.single.port })
  onTestFinished(() => redis.disconnect())
  const secret = 'qA9x7Lr2Vn5Tz8Kc3Jw6Ym1Pd4Hf0Gb_'
  const store = redisStore({ client: redis })
  const sessions = createSessions<Data>({
    store,
    secret,
    storeTimeout: '60s',
    references: { user: true },
    maxSessionsPerUser: 2,
    activity: true,
    nearCache: true,
    migrateFrom: [fromExpressSession({ client: redis, secret: OLD_SECRET })],
  })
  const printed: string[] = []
  const print = (value: unknown): void => {
    printed.push(inspect(value, { depth: Infinity, showHidden: true, getters: false }))
    printed.push(JSON.stringify(value) ?? '')
    // As a careless logger would print an error and what caused it.
    for (let error = value; error instanceof Error; error = error.cause)
      printed.push(
        error.message,
        error.stack ?? '',
        JSON.stringify(error, Object.getOwnPropertyNames(error)),
      )
  }
  const told = new Set<string>()
  for (const name of EVENTS) {
    sessions.events.on(name, (event: unknown) => {
      told.add(name)
      print(event)
    })
  }
  // Every command is slow, so SLOWLOG has them all.
  await redis.config('SET', 'slowlog-log-slower-than', '0')
  await redis.config('SET', 'slowlog-max-len', '10000')
  const seen = await monitor(server.single.port)

  const visitor = new Visitor(sessions)
  const secrets = [secret]
  const keep = (): void => {
    const value = visitor.cookie?.split('=')[1] ?? ''
    const [id = ''] = value.split('.')
    secrets.push(value, id, id.slice(3))
  }
  await visitor.visit((session) => void Object.assign(session, { user: 'ann', card: '4111' }))
  keep()
  await visitor.visit(async (session) => {
    print(session)
    print(session.meta)
    print(sessions)
    await session.regenerate({ keepData: true })
  })
  keep()
  await visitor.visit(async (session) => {
    await session.signIn('ann')
    print(session)
    print(await sessions.user('ann').list({ current: session }))
  })
  keep()
  await visitor.visit((session) => session.reauthenticate())
  keep()
  const other = new Visitor(sessions)
  await other.visit((session) => session.signIn('ann'))
  secrets.push(other.cookie?.split('=')[1] ?? '')
  await visitor.visit(async (session) => print(await sessions.user('ann').revokeOthers(session)))
  await visitor.visit(async (session) => {
    const token = await session.csrfToken()
    secrets.push(token)
    print(session.verifyCsrf(token))
    print(session)
  })
  await visitor.visit(async (session) => {
    session.setLifetime({ idleTimeout: '2h', absoluteTimeout: '4h', persistent: true })
    print(await session.increment('count', 2))
    await session.update('card', () => '4222')
    await session.take('card')
    await session.touch()
    await session.reload()
    session.requireFresh('1m')
    session.discard()
  })
  await new Visitor(sessions, `${visitor.cookie}x`).visit(() => undefined)
  print(await sessions.user('ann').count())
  print(await sessions.by('user', 'ann').list())
  print(await sessions.activity('1h'))
  print(await sessions.health())
  print(sessions.nearCache)
  for (let more = 0; more < 2; more++) {
    const third = new Visitor(sessions)
    await third.visit((session) => session.signIn('cid'))
    secrets.push(third.cookie?.split('=')[1] ?? '')
    await third.visit((session) => session.signOut())
  }
  const [first] = (await sessions.user('ann').list()).sessions
  print(await sessions.find(first?.handle ?? ''))
  const old = { cookie: { expires: null }, user: 'eve' }
  await redis.set(`sess:${OLD_ID}`, JSON.stringify(old), 'EX', 60)
  const mover = new Visitor(
    sessions,
    `connect.sid=s%3A${encodeURIComponent(sign(OLD_ID, OLD_SECRET))}`,
  )
  await mover.visit((session) => print(session.user))
  secrets.push(mover.cookie?.split('=').at(-1) ?? '')
  const slow = await visitor.request()
  print(slow)
  print(store)
  const ctx: object = {}
  const header = (name: string) => (name === 'cookie' ? visitor.cookie : undefined)
  const visit = sessions.begin({ header, path: '/', secure: true, source: {} }, ctx)
  await visit?.open()
  print(visit)
  print(ctx)
  await visitor.visit((session) => session.destroy())
  slow.session.user = 'bob'
  await slow.session.save().catch(print)
  await visitor.visit((session) => void (session.card = 'x'.repeat(100_000))).catch(print)
  await redis.config('SET', 'maxmemory', '1')
  await visitor.visit((session) => void (session.card = '4111111111111111')).catch(print)
  await redis.config('SET', 'maxmemory', '0')
  const lines = await seen.lines()
  const slowlog = JSON.stringify(await redis.slowlog('GET', -1))
  await server.stop()
  // Its port may soon be another server's, to which the client would go.
  redis.disconnect()
  const isGivenUp = async (): Promise<boolean> => {
    await mover.visit(() => undefined).catch(print)
    return told.has('breakerOpened')
  }
  // The near cache answers for a second; then five visits in a row fail, each after a repetition.
  await expect.poll(isGivenUp, { timeout: 10_000 }).toBe(true)

  expect(secrets.filter((text) => text.length > 20)).toHaveLength(18)
  expect(TOLD.filter((name) => !told.has(name))).toEqual([])
  for (const text of secrets) {
    expect(lines).not.toContain(text)
    expect(slowlog).not.toContain(text)
    expect(printed.join('\n')).not.toContain(text)
  }
  for (const text of [OLD_ID, OLD_SECRET]) expect(printed.join('\n')).not.toContain(text)
  // The errors tell what happened, and nothing of what was to be saved.
  expect(printed.join('\n')).toContain('ERR_STORE')
  expect(printed.join('\n')).not.toContain('4111111111111111')
})
