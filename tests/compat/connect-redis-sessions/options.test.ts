/** What the middleware takes as options, and what it refuses. */
import ConnectRedisSessions from 'handstamp/compat/connect-redis-sessions'
import { expect, onTestFinished, test, vi } from 'vitest'
import { redisServers } from '../../support/redis.ts'

const made = (ttl: unknown): { ttl: number | undefined } => {
  const { port } = redisServers().single
  const { handler } = ConnectRedisSessions({ app: 'forum', port, wipe: 0, ttl: ttl as number })
  onTestFinished(() => handler.rds.quit())
  return handler
}

test.each([
  [undefined, undefined],
  [Number.NaN, undefined],
  [null, 10],
  [3, 10],
  [60, 60],
  ['60', 60],
])('a ttl of %s', (ttl, seconds) => {
  const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  onTestFinished(() => warned.mockRestore())
  expect(made(ttl).ttl).toBe(seconds)
})

test.each(['soon', '', true, Infinity, {}])('a ttl of %j is refused', (ttl) => {
  expect(() => made(ttl)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }))
})
