/** Each known fault of the original: the same handler gives the bad outcome there, and the good one here. */
import { expect, onTestFinished, test, vi } from 'vitest'
import { contentOf } from '../redis-sessions/engines.ts'
import { common, open, original, ours, send } from './site.ts'
import type { Handler, Site, SiteRow } from './site.ts'

interface Fault {
  readonly title: string
  readonly handlers?: Record<string, Handler>
  readonly options?: Record<string, unknown>
  scenario(site: Site): Promise<unknown>
  readonly bad: unknown
  readonly good: unknown
}

/** What a call without a session, or with dt, does: calls back, or throws. */
const asked =
  (verb: 'activity' | 'soapp' | 'soid', ...dt: number[]): Handler =>
  (request, response) => {
    const done = (error: Error | null, result: unknown): void =>
      send(response, error ? `called back with ${error.name}` : result)
    try {
      ;(request.session[verb] as (...args: unknown[]) => unknown)(...dt, done)
    } catch (error) {
      send(response, `threw ${(error as Error).name}`)
    }
  }

const faults: readonly Fault[] = [
  {
    title: 'reload fails',
    handlers: {
      reload(request, response) {
        request.session['a'] = 'lost'
        // It says that there is no app, or it never says anything.
        void request.session.reload((error) =>
          send(response, error ? error.message : request.session.d),
        )
      },
    },
    async scenario(site) {
      const ada = site.visitor()
      await ada.get('/login')
      await ada.get('/set?a=1')
      return ada.json('/reload')
    },
    bad: 'No app supplied',
    good: { a: '1' },
  },
  ...(['activity', 'soapp'] as const).map((verb): Fault => ({
    title: `${verb} without a session throws instead of calling back`,
    handlers: { ask: asked(verb) },
    scenario: (site) => site.visitor().json('/ask'),
    bad: 'threw no-token',
    good: 'called back with no-token',
  })),
  {
    title: 'soid with dt, as documented, ends the process',
    handlers: { ask: asked('soid', 600) },
    async scenario(site) {
      const ada = site.visitor()
      await ada.get('/login')
      return outcomeOrCrash(() => ada.json('/ask'))
    },
    bad: 'uncaught TypeError',
    good: { sessions: [expect.objectContaining({ id: 'ada' })] },
  },
  {
    title: 'upgrade overwrites Set-Cookie lines of the app',
    handlers: {
      both(request, response) {
        response.setHeader('Set-Cookie', ['theme=dark', 'lang=eo'])
        void request.session.upgrade('ada', () => send(response, 'in'))
      },
    },
    scenario: async (site) => names((await site.visitor().get('/both')).setCookie),
    bad: ['forum'],
    good: ['theme', 'lang', 'forum'],
  },
  {
    title: 'destroy overwrites Set-Cookie lines of the app',
    handlers: {
      both(request, response) {
        response.setHeader('Set-Cookie', 'theme=dark')
        void request.session.destroy(() => send(response, 'out'))
      },
    },
    async scenario(site) {
      const ada = site.visitor()
      await ada.get('/login')
      return names((await ada.get('/both')).setCookie)
    },
    bad: ['forum'],
    good: ['theme', 'forum'],
  },
  {
    title: 'destroy without waiting leaves the cookie',
    handlers: {
      bye(request, response) {
        void request.session.destroy()
        response.end('bye')
      },
    },
    async scenario(site) {
      const ada = site.visitor()
      await ada.get('/login')
      const { setCookie } = await ada.get('/bye')
      return [setCookie.length, (await ada.cookie('forum')) === undefined]
    },
    bad: [0, false],
    good: [1, true],
  },
  {
    title: 'upgrade without waiting, as in the README, signs nobody in',
    handlers: {
      hello(request, response) {
        void request.session.upgrade('ada')
        response.end('Hello')
      },
    },
    async scenario(site) {
      const ada = site.visitor()
      await ada.get('/hello')
      return ada.json('/me')
    },
    bad: expect.objectContaining({ id: null }),
    good: expect.objectContaining({ user: 'ada' }),
  },
  {
    title: 'a deleted key comes back',
    async scenario(site) {
      const ada = site.visitor()
      await ada.get('/login')
      await ada.get('/set?a=1&b=2')
      await ada.get('/delete?a')
      return ((await ada.json('/me')) as { d: object }).d
    },
    bad: { a: '1', b: '2' },
    good: { b: '2' },
  },
  {
    title: 'a key that is set to undefined comes back',
    handlers: {
      unset(request, response) {
        request.session['a'] = undefined
        send(response, 'unset')
      },
    },
    async scenario(site) {
      const ada = site.visitor()
      await ada.get('/login')
      await ada.get('/set?a=1&b=2')
      await ada.get('/unset')
      return ((await ada.json('/me')) as { d: object }).d
    },
    bad: { a: '1', b: '2' },
    good: { b: '2' },
  },
  {
    title: 'parallel requests lose each other’s keys',
    async scenario(site) {
      // Often, because they do not always meet.
      for (let round = 0; round < 10; round++) {
        const ada = site.visitor()
        await ada.get('/login')
        await Promise.all(Array.from({ length: 20 }, (_, nth) => ada.get(`/set?key${nth}=1`)))
        const { d } = (await ada.json('/me')) as { d: object }
        if (Object.keys(d).length < 20) return 'some lost'
      }
      return 'all there'
    },
    bad: 'some lost',
    good: 'all there',
  },
  {
    title: 'data under the name of a verb replace it',
    handlers: {
      spoil(request, response) {
        try {
          // As code without 'use strict' does; there too it is to be heard of.
          Reflect.set(request.session, 'destroy', 'now')
          send(response, typeof request.session.destroy)
        } catch (error) {
          send(response, (error as Error).message)
        }
      },
    },
    async scenario(site) {
      const ada = site.visitor()
      await ada.get('/login')
      return ada.json('/spoil')
    },
    bad: 'string',
    good: "'destroy' is a verb of the session and cannot hold data; choose another field name.",
  },
  {
    title: 'a stored key with the name of a verb replaces it',
    handlers: {
      async seed(request, response) {
        // Another program writes by the engine alone.
        const { id: token } = request.session
        const { rds } = request.session.handler as unknown as { rds: Engine }
        rds.set({ app: 'forum', token, d: { save: 'yes', a: 1 } }, () => send(response, 'seeded'))
      },
      look(request, response) {
        request.session['a'] = 2
        const { save, d } = request.session as unknown as { save: unknown; d: { save: unknown } }
        send(response, [typeof save, d.save])
      },
    },
    async scenario(site) {
      const ada = site.visitor()
      await ada.get('/login')
      await ada.get('/seed')
      const looked = await ada.json('/look').catch(() => 'an error')
      const kept = Object.values(await contentOf(site.namespace)).find(
        (value) => (value as { d?: string }).d,
      )
      return [looked, (kept as { d: string }).d]
    },
    bad: ['an error', '{"save":"yes","a":1}'],
    good: [['function', 'yes'], '{"save":"yes","a":2}'],
  },
  {
    title: 'upgrade ignores a ttl that is a number',
    handlers: {
      short(request, response) {
        void request.session.upgrade('ada', 60, () => send(response, request.session['_meta']))
      },
    },
    scenario: async (site) => ((await site.visitor().json('/short')) as { ttl: number }).ttl,
    bad: 7200,
    good: 60,
  },
  {
    title: 'the option of the docs, trustProxy, is not read',
    options: { trustProxy: true, cookie: { secure: true } },
    scenario: async (site) => {
      const { setCookie } = await site.visitor().get('/login', { 'x-forwarded-proto': 'https' })
      return setCookie.length
    },
    bad: 0,
    good: 1,
  },
  {
    title: 'a cookie with an age is not renewed while the session is used',
    options: { cookie: { maxAge: 10_000 } },
    async scenario(site) {
      const ada = site.visitor()
      await ada.get('/login')
      // More than a tenth of the age.
      await new Promise((resolve) => setTimeout(resolve, 2200))
      return (await ada.get('/me')).setCookie.length
    },
    bad: 0,
    good: 1,
  },
  {
    title: 'to sign in as somebody else leaves the session to the first one',
    async scenario(site) {
      const ada = site.visitor()
      await ada.get('/login?user=ada')
      await ada.get('/set?secret=of-ada')
      await ada.get('/login?user=bob')
      const { user, d } = (await ada.json('/me')) as { user: string; d: object }
      return [user, d]
    },
    bad: ['ada', { secret: 'of-ada' }],
    good: ['bob', {}],
  },
  {
    title: 'a failed save is not noticed',
    handlers: {
      lose(request, response) {
        request.session['a'] = 1
        const handler = request.session.handler as unknown as { rds: Record<string, unknown> }
        const { set } = handler.rds
        const failing = (...args: unknown[]): unknown => {
          const error = new Error('Redis is away')
          const callback = args.at(-1)
          return typeof callback === 'function' ? callback(error) : Promise.reject(error)
        }
        handler.rds['set'] = failing
        response.on('close', () => (handler.rds['set'] = set))
        send(response, 'saved')
      },
    },
    async scenario(site) {
      const printed = vi.spyOn(console, 'error').mockReturnValue()
      onTestFinished(() => printed.mockRestore())
      const ada = site.visitor()
      await ada.get('/login')
      return (await ada.get('/lose')).status
    },
    bad: 200,
    good: 500,
  },
]

interface Engine {
  set(options: object, callback: () => void): unknown
}

const rows = faults.flatMap((fault) => [
  { fault, row: original, outcome: fault.bad, whose: 'the original', name: fault.title },
  { fault, row: ours, outcome: fault.good, whose: 'not here', name: fault.title },
])

test.each(rows)('$name: $whose', async ({ fault, row, outcome }) => {
  expect(await outcomeOf(fault, row)).toEqual(outcome)
})

async function outcomeOf(
  { handlers, options = {}, scenario }: Fault,
  row: SiteRow,
): Promise<unknown> {
  return scenario(await open(row, { ...common, ...handlers }, { options }))
}

/** The names of cookies. */
function names(lines: readonly string[]): string[] {
  return lines.map((line) => line.slice(0, line.indexOf('=')))
}

/** What comes first: the answer, or an exception that would end the process. */
async function outcomeOrCrash(answer: () => Promise<unknown>): Promise<unknown> {
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  try {
    const crash = new Promise((resolve) => {
      process.once('uncaughtException', (error) => resolve(`uncaught ${error.name}`))
    })
    return await Promise.race([answer().catch(() => crash), crash])
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of others) process.on('uncaughtException', listener)
  }
}
