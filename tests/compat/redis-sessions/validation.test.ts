/** Wrong arguments: the name and the message of the error are those of the original of the same form. */
import { describe, expect, test } from 'vitest'
import { foreignPrefix, freshPrefix } from '../../support/redis.ts'
import { originals, startOurs } from './engines.ts'
import type { Engine } from './engines.ts'

const app = 'forum'
const token = 'a'.repeat(64)
const whole = { app, id: 'ada', ip: '192.0.2.7' }
const badData = [
  null,
  'text',
  12,
  [],
  {},
  { a: [] },
  { a: {} },
  { a: undefined },
  { b: 1, c: () => 1 },
]

type Method = keyof Engine
const calls: readonly (readonly [Method, Record<string, unknown>])[] = [
  ['get', {}],
  ['get', { app: '' }],
  ['get', { app: 'ab', token }],
  ['get', { app: 'a'.repeat(21), token }],
  ['get', { app: 'a b c', token }],
  ['get', { app }],
  ['get', { app, token: 'a'.repeat(63) }],
  ['get', { app, token: 'a'.repeat(65) }],
  ['get', { app, token: '!'.repeat(64) }],
  ['create', { app }],
  ['create', { app, id: '' }],
  ['create', { app, id: 'two\nlines', ip: '192.0.2.7' }],
  ['create', { app, id: 'ada' }],
  ['create', { app, id: 'ada', ip: '1'.repeat(40) }],
  ['create', { ...whole, ttl: 9 }],
  ['create', { ...whole, ttl: '9' }],
  ['create', { ...whole, ttl: -20 }],
  ['create', { ...whole, ttl: 'soon' }],
  ...badData.slice(1).map((d) => ['create', { ...whole, d }] as const),
  ...badData.map((d) => ['set', { app, token, d }] as const),
  ['set', { app, token }],
  ['set', { app }],
  ['kill', {}],
  ['kill', { app, token: 'short' }],
  ['killall', {}],
  ['killall', { app: 'ab' }],
  ['killsoid', { app }],
  ['soid', { app }],
  ['soid', {}],
  ['soapp', { app }],
  ['soapp', { app, dt: 9 }],
  ['activity', {}],
  ['activity', { app }],
  ['activity', { app, dt: 'soon' }],
  // Not refused by any.
  ['create', { app, id: 'a'.repeat(500), ip: 'anything' }],
  ['create', { ...whole, d: { a: null } }],
  ['create', { ...whole, ttl: '10' }],
  ['get', { app, token }],
]

const named = calls.map(([method, options]) => ({
  method,
  options,
  given: JSON.stringify(options),
}))

describe.each(originals)('as $title', ({ title, start }) => {
  const isPromise = title.endsWith('4.0')

  test.each(named)('$method $given', async ({ method, options }) => {
    const namespace = `${foreignPrefix()}v`
    const original = start(namespace)
    const ours = startOurs(namespace) as unknown as Record<
      string,
      (
        options: object,
        callback?: (error: Error | null, result: unknown) => void,
      ) => Promise<unknown>
    >
    const theirs = await outcomeOf(() => original[method]({ ...options } as never))
    const call = (): Promise<unknown> | undefined => {
      if (isPromise) {
        const { dt, ...rest } = options
        return ours[method]?.(dt === undefined ? rest : { ...rest, deltaTime: dt })
      }
      return new Promise((resolve, reject) => {
        ours[method]?.(options, (error, result) => (error ? reject(error) : resolve(result))).catch(
          () => undefined,
        )
      })
    }
    const here = await outcomeOf(call)
    expect(here).toEqual(theirs)
  })
})

test.each([
  [{}, 'missingParameter', 'No app supplied'],
  [{ app, token: 'short' }, 'invalidFormat', 'Invalid token format'],
  [{ app, token, d: [] }, 'invalidValue', 'd must be an object'],
])('%j is %s', async (options, name, message) => {
  const rs = startOurs(`${foreignPrefix()}v`)
  await expect(rs.set(options as never)).rejects.toMatchObject({ name, message })
})

/** What went wrong, or that nothing did. */
async function outcomeOf(call: () => unknown): Promise<unknown> {
  try {
    await call()
    return 'taken'
  } catch (error) {
    const { name, message } = error as Error
    return { name, message }
  }
}

test.each([
  'create',
  'get',
  'set',
  'kill',
  'killall',
  'killsoid',
  'soid',
  'soapp',
  'activity',
] as const)('%s without any options misses a parameter', async (method) => {
  const rs = startOurs(`${freshPrefix()}v`) as unknown as Record<
    string,
    (options?: null) => Promise<unknown>
  >
  const missing = { name: 'missingParameter', message: 'No app supplied' }
  await expect(rs[method]?.()).rejects.toMatchObject(missing)
  await expect(rs[method]?.(null)).rejects.toMatchObject(missing)
})
