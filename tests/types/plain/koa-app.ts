/** A Koa application in TypeScript: the context is typed by the middleware alone. */
import { createSessions } from 'handstamp'
import type { Session } from 'handstamp'
import { session } from 'handstamp/koa'
import { redisStore } from 'handstamp/redis'
import { Redis } from 'ioredis'
import Koa from 'koa'

interface Data {
  views: number
  user: { name: string; roles: string[] }
}

const sessions = createSessions<Data>({ store: redisStore({ client: new Redis() }) })

export const chained = new Koa().use(session(sessions)).use(async (ctx) => {
  ctx.session.views = (ctx.session.views ?? 0) + 1
  ctx.session.user?.roles.push('admin')
  delete ctx.session.user
  const views: number = await ctx.session.increment('views')
  const roles = await ctx.session.update('user', (user = { name: '', roles: [] }) => user)
  await ctx.session.regenerate({ keepData: true, grace: '10s' })
  if (roles?.roles.includes('guest')) ctx.session = null
  else ctx.session = { views }
  // @ts-expect-error fields have the types that createSessions was given
  ctx.session.views = 'many'
  // @ts-expect-error every field may be absent
  ctx.body = ctx.session.views.toFixed()
  // @ts-expect-error there is no such field
  ctx.session.vews = 1
  // @ts-expect-error verbs cannot be assigned, and there is no such overload
  await ctx.session.increment('nothing')
})

/** The context of an application that says its type first, as @types/koa has it. */
type State = Koa.DefaultState
interface Context {
  session: Session<Data>
}
export const declared = new Koa<State, Context>()
declared.use(session(sessions))
declared.use(async (ctx, next) => {
  ctx.session.views = 1
  await next()
})

export async function show(ctx: Koa.Context): Promise<void> {
  const { views = 0 } = await sessions.getSession(ctx)
  ctx.body = views.toFixed()
}

// @ts-expect-error a field cannot have the name of a verb
createSessions<{ save: boolean }>()

sessions.events.on('dropped', ({ handle, reason }) => {
  const text: 'gone' | 'moved' | 'ended' | 'head-sent' | 'too-large' = reason
  console.log(handle?.toUpperCase(), text)
})
