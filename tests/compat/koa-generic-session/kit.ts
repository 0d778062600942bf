/** The original and its replacement, apps on both, and a store that shows what it was asked for. */
import { EventEmitter, once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setImmediate as pause } from 'node:timers/promises'
import ours from 'handstamp/compat/koa-generic-session'
import type { SessionFactory, SessionOptions, Write } from 'handstamp/compat/koa-generic-session'
import Koa from 'koa'
import originalSession from 'koa-generic-session'
import Koa2 from 'koa2'
import { onTestFinished, vi } from 'vitest'
import { Walker } from '../../support/walker.ts'

export const original = originalSession as SessionFactory
export { ours }

export interface Row {
  readonly title: string
  readonly session: SessionFactory
  readonly App: typeof Koa
}

/** For `describe.each(rows)('$title', …)`: what holds for the original holds for ours. */
export const rows: readonly Row[] = [
  { title: 'koa-generic-session', session: original, App: Koa },
  { title: 'ours on Koa 3', session: ours, App: Koa },
  { title: 'ours on Koa 2', session: ours, App: Koa2 },
]

export type Options = SessionOptions & { defer?: false }
/** Of either mode; what is in the session is up to each test. */
export type Handler = (ctx: Koa.Context, next: Koa.Next) => unknown

type Story<Outcome> = (session: SessionFactory) => Promise<Outcome>

interface Fault {
  readonly title: string
  readonly story: Story<unknown>
  /** What is wrong with the original, and what ours does instead. */
  readonly outcome: { readonly original: unknown; readonly ours: unknown }
}

/** A row for `test.each`: the title says what is right. */
export function fault<Outcome>(
  title: string,
  story: Story<Outcome>,
  outcome: { original: NoInfer<Outcome>; ours: NoInfer<Outcome> },
): Fault {
  return { title, story, outcome }
}

/** The same story, told of both packages. */
export async function toldOfBoth(story: Story<unknown>): Promise<Fault['outcome']> {
  return { original: await story(original), ours: await story(ours) }
}

export interface Site {
  readonly app: Koa
  readonly origin: string
  /** Errors that the app was told of. */
  readonly errors: Error[]
  visitor(): Walker
}

/** An app with signing keys, the given middleware, and one handler behind it. */
export async function site(
  middleware: readonly unknown[],
  handler: Handler,
  { App = Koa, keys = ['a key'] }: { App?: Row['App']; keys?: string[] | null } = {},
): Promise<Site> {
  const app = new App()
  if (keys) app.keys = keys
  const errors: Error[] = []
  app.on('error', (error: Error) => errors.push(error))
  for (const each of middleware) app.use(each as Koa.Middleware)
  app.use(handler)
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { app, origin, errors, visitor: () => new Walker(origin) }
}

interface Kept {
  readonly text: string
  readonly ttl: unknown
}

/** Keeps JSON, as stores do; null stands for no session. Calls are noted as `get key`. */
export class NotingStore extends EventEmitter {
  readonly kept = new Map<string, Kept>()
  readonly calls: string[] = []
  /** Each is called with the name of a method before it does its work. */
  before: (method: string, key: string) => unknown = () => undefined

  async get(key: string): Promise<unknown> {
    await this.#begin('get', key)
    const { text = 'null' } = this.kept.get(key) ?? {}
    return JSON.parse(text)
  }

  async set(key: string, value: object, ttl?: number, write?: Write): Promise<boolean> {
    await this.#begin('set', key)
    if (write?.isNew === false && !this.kept.has(key)) return false
    this.kept.set(key, { text: JSON.stringify(value), ttl })
    return true
  }

  async destroy(key: string): Promise<void> {
    await this.#begin('destroy', key)
    this.kept.delete(key)
  }

  /** What was asked for since the last time, without the keys. */
  drain(): string[] {
    return this.calls.splice(0).map((call) => call.split(' ')[0]!)
  }

  sessions(): Record<string, unknown>[] {
    return Array.from(this.kept.values(), ({ text }) => JSON.parse(text) as Record<string, unknown>)
  }

  async #begin(method: string, key: string): Promise<void> {
    this.calls.push(`${method} ${key}`)
    await this.before(method, key)
  }
}

/** A site with one `NotingStore`, and somebody who has not been there yet. */
export async function start(
  session: SessionFactory,
  options: SessionOptions = {},
  handler: Handler = membersArea,
  { keys = ['a key'] }: { keys?: string[] | null } = {},
) {
  const store = new NotingStore()
  const middleware = session({ store, ...options } as SessionOptions & { defer: true })
  const { visitor, origin, errors } = await site([middleware], handler, { keys })
  return { store, errors, origin, walker: visitor() }
}

/** What became of a session: who is found, and what is stored for how long. */
export async function outcomeOf(
  { store, walker }: Awaited<ReturnType<typeof start>>,
  path: string,
): Promise<{ next: string; keys: string[]; ttls: unknown[] }> {
  await walker.get(path)
  const keys = [...store.kept.keys()].map((key) => key.replace(/[\w-]{32}$/, '…'))
  const ttls = Array.from(store.kept.values(), ({ ttl }) => ttl)
  return { next: (await walker.get('/')).text, keys, ttls }
}

/** `/in`, `/out`, `/new` and `/`: signs in, out, regenerates; tells who is there. */
export async function membersArea(ctx: Koa.Context): Promise<void> {
  if (ctx.path.endsWith('/in')) (await ctx['session']).user = 'ada'
  if (ctx.path.endsWith('/out')) ctx['session'] = null
  if (ctx.path.endsWith('/new')) await ctx['regenerateSession']()
  const now = (await ctx['session']) as { user?: string } | null
  ctx.body = now?.user ?? 'nobody'
}

/** The lines of Set-Cookie, without the times, ids and signatures in them. */
export function cookieLines({ headers }: { headers: Headers }): string[] {
  return headers
    .getSetCookie()
    .map((line) =>
      line.replace(/=[\w-]{20,}/, '=…').replace(/expires=[^;]*20\d\d[^;]*/, 'expires=…'),
    )
}

/**
 * A store that says when it goes and comes, a clock that stands still, and requests without a server,
 * whose timers would stand still too. `rejections` are those that nobody handled.
 */
export function strayingStore(session: SessionFactory, reconnectTimeout?: number) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const rejections = unhandledRejections()
  onTestFinished(() => void vi.useRealTimers())
  const methods = { get: () => null, set: () => {}, destroy: () => {} }
  const store = Object.assign(new EventEmitter(), methods)
  const middleware = session({ store, reconnectTimeout, genSid: () => 'chosen' })
  /** Gives a function to what has become of the request. */
  const request = () => {
    const cookies = { get: () => undefined, set: () => {} }
    const ctx = { path: '/', url: '/', cookies, app: new EventEmitter() }
    let outcome = 'waits'
    middleware(ctx as never, async () => {}).then(
      () => (outcome = 'served'),
      (error: Error) => (outcome = error.message),
    )
    return async (): Promise<string> => {
      await pause()
      return outcome
    }
  }
  return { store, request, rejections }
}

/** Node ends the process for each of these; here they are gathered, until the test is over. */
export function unhandledRejections(): unknown[] {
  const rejections: unknown[] = []
  const before = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', (reason) => rejections.push(reason))
  onTestFinished(() => {
    process.removeAllListeners('unhandledRejection')
    for (const listener of before) process.on('unhandledRejection', listener)
  })
  return rejections
}
