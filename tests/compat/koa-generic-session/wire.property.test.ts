/** Visitors of the original are known to the replacement, and the reverse: the same keys, bytes and cookies. */
import fc from 'fast-check'
import type {
  SessionCookie,
  SessionFactory,
  SessionOptions,
} from 'handstamp/compat/koa-generic-session'
import { Redis } from 'ioredis'
import koaRedis from 'koa-redis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshPrefix, redisServers } from '../../support/redis.ts'
import { original, ours, site } from './kit.ts'

/** What the app writes: fields of JSON. `cookie` belongs to the middleware. */
const fields = fc.dictionary(
  fc.string().filter((name) => !['cookie', '__proto__'].includes(name)),
  fc.jsonValue(),
)

const cookieChanges = fc.record<SessionCookie>(
  {
    maxAge: fc.integer({ min: 10_000, max: 10 ** 9 }),
    expires: fc.date({
      min: new Date(Date.now() + 3_600_000),
      max: new Date('2100-01-01'),
      noInvalidDate: true,
    }),
    sameSite: fc.constantFrom<('lax' | 'strict' | boolean)[]>('lax', 'strict', true, false),
    httpOnly: fc.boolean(),
  },
  { requiredKeys: [] },
)

const RUNS = 100

const variants: readonly SessionOptions[] = [{}, { rolling: true }, { defer: true }]

interface Half {
  readonly prefix: string
  readonly origins: readonly string[]
}

let client: Redis
beforeAll(() => {
  client = new Redis(redisServers().single.url)
})
afterAll(() => client.disconnect())

/** What the app does in the next request. */
let act: (session: Record<string, unknown>) => unknown

/** One server for each variant, all on the same keys, with the store that the original has. */
async function half(session: SessionFactory, prefix: string): Promise<Half> {
  const store = koaRedis({ client })
  const sites = variants.map(async (variant) => {
    const options = { store, prefix, ...variant } as SessionOptions & { defer: true }
    return site([session(options)], async (ctx) => {
      ctx.body = JSON.stringify((await act(await ctx['session'])) ?? null)
    })
  })
  return { prefix, origins: (await Promise.all(sites)).map(({ origin }) => origin) }
}

async function visit(origin: string, cookie: string) {
  const response = await fetch(origin, { headers: cookie ? { cookie } : {} })
  const lines = response.headers.getSetCookie()
  const sent = lines.map((line) => line.split(';')[0]).join('; ')
  const attributes = lines.map((line) => line.replace(/^[^;]*/, '').replace(/expires=[^;]*/, ''))
  return { cookie: sent || cookie, attributes, body: await response.text() }
}

/** The key and its bytes, with the seconds that it has left. */
async function stored({ prefix }: Half, cookie: string) {
  const key = prefix + /koa\.sid=([\w-]+)/.exec(cookie)![1]!
  return { text: await client.get(key), ttl: await client.ttl(key) }
}

test('a session of either is read, changed and written by the other: 0 mismatches', async () => {
  const prefix = freshPrefix()
  const [old, fresh] = [await half(original, prefix), await half(ours, prefix)]
  let sessions = 0

  await fc.assert(
    fc.asyncProperty(
      fields,
      fields,
      cookieChanges,
      fc.nat(variants.length - 1),
      async (first, second, cookie, at) => {
        const written: unknown[] = []
        for (const [writer, reader] of [
          [old, fresh],
          [fresh, old],
        ] as const) {
          act = (session) => {
            Object.assign(session, first, { n: 1 })
            Object.assign(session['cookie'] as object, cookie)
          }
          const created = await visit(writer.origins[at]!, '')
          const before = await stored(writer, created.cookie)

          // The other one knows the visitor, and gives the same back if nothing changes.
          act = (session) => session
          const read = await visit(reader.origins[at]!, created.cookie)
          expect(JSON.parse(read.body)).toEqual(JSON.parse(before.text!))
          expect((await stored(reader, created.cookie)).text).toBe(before.text)

          // It changes the session under the same id; the first one reads that.
          act = (session) => void Object.assign(session, second, { n: 2 })
          const changed = await visit(reader.origins[at]!, created.cookie)
          expect(changed.cookie).toBe(created.cookie)
          const after = await stored(reader, created.cookie)
          act = (session) => session
          const again = await visit(writer.origins[at]!, created.cookie)
          expect(JSON.parse(again.body)).toEqual(JSON.parse(after.text!))
          written.push({
            texts: [before.text, after.text],
            attributes: [created.attributes, changed.attributes],
          })
          expect(Math.abs(before.ttl - after.ttl)).toBeLessThan(30)
          sessions++
        }
        // Both write the same bytes and cookies.
        expect(written[0]).toEqual(written[1])
      },
    ),
    { numRuns: RUNS },
  )
  expect(sessions).toBe(2 * RUNS)
})
