/** Lifetimes, values and tokens, and what is said where they are wrong. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { Store } from '../../../src/compat/koa-redis-session-sets.ts'
import { Tokens } from '../../../src/compat/koa-redis-session-sets/tokens.ts'
import { freshPrefix } from '../../support/redis.ts'
import { connected } from './site.ts'

const DAY = 86_400_000

describe('maxAge', () => {
  const maxAgeOf = (maxAge: number | string | null): number =>
    new Store({ client: connected(), maxAge }).maxAge

  test.each([
    [1, 1],
    [60_000, 60_000],
    [1.5, 2],
    ['100', 100],
    ['250ms', 250],
    ['3 msecs', 3],
    ['1.5h', 5_400_000],
    ['.5 m', 30_000],
    ['10 secs', 10_000],
    ['5 minutes', 300_000],
    ['2 HRS', 7_200_000],
    ['28 days', 28 * DAY],
    ['1 week', 7 * DAY],
    ['1 yr', 365.25 * DAY],
    // As the original: what cannot be read is 28 days. It knows no months.
    ['1 month', 28 * DAY],
    ['soon', 28 * DAY],
    [0, 28 * DAY],
    ['', 28 * DAY],
    [null, 28 * DAY],
    [Number.NaN, 28 * DAY],
  ])('%j is %d ms', (maxAge, milliseconds) => {
    expect(maxAgeOf(maxAge)).toBe(milliseconds)
  })

  test.each([-1, '-1 day', Infinity, Number.MAX_VALUE])('%j is refused', (maxAge) => {
    expect(() => maxAgeOf(maxAge)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }))
  })

  test.each([-1, 'soon', '1 month', Infinity])('of a call is refused as %j', async (maxAge) => {
    const store = new Store({ client: connected(), prefix: freshPrefix() })
    const id = store.createSessionId()
    for (const call of [
      () => store.set(id, { a: 1 }, maxAge),
      () => store.update(id, { a: 1 }, maxAge),
      () => store.unset(id, ['a'], maxAge),
      () => store.touch(id, maxAge),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'ERR_OPTION' })
    expect(await store.get(id)).toEqual({})
  })
})

describe('CSRF tokens', () => {
  const tokens = new Tokens()

  // Made by csrf 3.1.0.
  test.each([
    ['Dm3CAnFwAvKiDWIyLK25WfEd', 'Ee6EVzwm-ZQh42xKqFt6pRe4-sAbjHTb_oKc'],
    ['s8q_g_gFCMMRlIeaPovyreLb', '4jLNHz8K-Jrxx9PUIDpj0kkCp6qmfLUUMEFE'],
    ['l0Fp903sdWrREA-JshM6iRSK', 'EOjD9eO6-4cpC4TfmX3kb-Cod6KrumzGHUTg'],
  ])('that the original made of a secret hold', (secret, token) => {
    expect(tokens.verify(secret, token)).toBe(true)
    expect(tokens.verify(secret, `${token.slice(0, -1)}x`)).toBe(false)
    expect(tokens.verify(`x${secret}`, token)).toBe(false)
  })

  test('have the form that the original verifies, with 130 random bits', () => {
    const secret = tokens.secretSync()
    expect(secret).toMatch(/^[\w-]{24}$/)
    const made = new Set(Array.from({ length: 100 }, () => tokens.create(secret)))
    expect(made.size).toBe(100)
    for (const token of made) {
      expect(token).toMatch(/^[A-Za-z0-9]{22}-[\w-]{27}$/)
      expect(tokens.verify(secret, token)).toBe(true)
      const [salt] = token.split('-')
      const hash = createHash('sha1').update(`${salt}-${secret}`, 'ascii').digest('base64url')
      expect(token).toBe(`${salt}-${hash}`)
    }
  })

  test.each([undefined, null, '', '-', 'x', 7, {}, [], '-'.repeat(9), 'é-é', '💥-'.repeat(5000)])(
    'are not %j',
    (token) => {
      expect(tokens.verify(tokens.secretSync(), token)).toBe(false)
    },
  )

  test('need a secret', () => {
    expect(() => tokens.create('')).toThrow(TypeError)
    expect(tokens.verify('', new Tokens().create('x'))).toBe(false)
    expect(tokens.verify(undefined as never, 'a-b')).toBe(false)
  })

  test('take saltLength and secretLength; secret() gives a promise or calls back', async () => {
    const { saltLength, secretLength } = tokens
    expect({ saltLength, secretLength }).toEqual({ saltLength: 22, secretLength: 18 })
    const other = new Tokens({ saltLength: 8, secretLength: 3 })
    expect(other.create('secret')).toMatch(/^\w{8}-/)
    expect(await other.secret()).toMatch(/^[\w-]{4}$/)
    const called = await new Promise((resolve) => {
      other.secret((error, secret) => resolve([error, secret]))
    })
    expect(called).toEqual([null, expect.stringMatching(/^[\w-]{4}$/)])
    expect(() => new Tokens({ saltLength: 0 })).toThrow(/saltLength/)
    expect(() => new Tokens({ secretLength: Infinity })).toThrow(/secretLength/)
  })
})
