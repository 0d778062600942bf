/** The command has run, and its reply is lost: whoever asked cannot know, and asks again. */
import { describe, expect, test } from 'vitest'
import type { Session } from '../../src/index.ts'
import { Visitor } from '../support/visitor.ts'
import { clients, siteThrough } from './sessions-through.ts'
import type { Data, Site } from './sessions-through.ts'

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code

describe.each(clients)('a reply lost by %s', (_, connect) => {
  /** A guest with a session of one field, and scripts that Redis knows: they run at the first try. */
  async function guest(): Promise<Site & { visitor: Visitor<Data>; cookie: string }> {
    const site = await siteThrough(connect)
    const visitor = new Visitor<Data>(site.sessions)
    await visitor.visit((session) => void (session.hits = 0))
    const other = new Visitor<Data>(site.truth)
    await other.visit((session) => session.increment('n'))
    await other.visit((session) => session.increment('n'))
    await other.visit((session) => void (session.n = 5))
    await other.visit((session) => session.regenerate({ keepData: true }))
    await other.visit((session) => session.signIn('somebody else'))
    await other.visit((session) => session.destroy())
    return { ...site, visitor, cookie: visitor.cookie! }
  }

  /** A request whose first script loses its reply. */
  async function losing(
    { proxy, visitor }: Awaited<ReturnType<typeof guest>>,
    handler: (session: Session<Data>) => unknown,
  ): Promise<'done' | 'unknown'> {
    let lost = 0
    proxy.meet(({ name }) =>
      name === 'EVALSHA' && lost++ === 0 ? { kind: 'lose-reply' } : undefined,
    )
    const code = await visitor.visit(handler).then(() => undefined, codeOf)
    proxy.pass()
    expect(lost).toBeGreaterThan(0)
    // What it ends with where the client does not send the command again.
    expect(code ?? 'ERR_STORE').toMatch(/^ERR_STORE/)
    return code === undefined ? 'done' : 'unknown'
  }

  /** The same request again, until the client has found its way back. */
  async function again(
    visitor: Visitor<Data>,
    handler: (session: Session<Data>) => unknown,
  ): Promise<void> {
    await expect
      .poll(() =>
        visitor.visit(handler).then(
          () => 'done',
          () => 'not yet',
        ),
      )
      .toBe('done')
  }

  test('a field is written once, and may be written again', async () => {
    const site = await guest()
    const write = (session: Session<Data>) => void (session.n = 7)
    await losing(site, write)
    const fromOutside = new Visitor<Data>(site.truth, site.cookie)
    expect(await fromOutside.visit(({ n }) => n)).toBe(7)
    await again(site.visitor, write)
    expect(await fromOutside.visit(({ n }) => n)).toBe(7)
  })

  test.each(['increment', 'update'] as const)('%s counts once', async (verb) => {
    const site = await guest()
    const count = (session: Session<Data>) =>
      verb === 'increment'
        ? session.increment('hits')
        : session.update('hits', (hits = 0) => hits + 1)
    await losing(site, count)
    const fromOutside = new Visitor<Data>(site.truth, site.cookie)
    expect(await fromOutside.visit(({ hits }) => hits)).toBe(1)
  })

  test('a new id leaves one live session', async () => {
    const site = await guest()
    const outcome = await losing(site, (session) => session.regenerate({ keepData: true }))
    const lives = (cookie?: string) =>
      new Visitor<Data>(site.truth, cookie).visit(({ meta }) => !meta.isNew)
    expect(await lives(site.cookie)).toBe(false)
    // Where the response failed the browser keeps the old id, and is a stranger from now on.
    const { cookie } = site.visitor
    expect(outcome === 'done' ? await lives(cookie) : cookie === site.cookie).toBe(true)
  })

  test('a sign-in makes one session; a second one is refused while its mark stands, and no other', async () => {
    const site = await guest()
    const signIn = (session: Session<Data>) => session.signIn('ann')
    const outcome = await losing(site, signIn)
    expect(await site.truth.user('ann').count()).toBe(1)
    // Decision 012: for 30 s a second try looks like the second click of two.
    const second = await new Visitor<Data>(site.truth, site.cookie).visit(signIn).catch(codeOf)
    expect(second).toBe('ERR_SESSION_GONE')
    if (outcome === 'unknown') {
      // Without the cookie it is another visitor.
      site.visitor.cookie = undefined
      await again(site.visitor, signIn)
    }
    const fromOutside = new Visitor<Data>(site.truth, site.visitor.cookie)
    expect(await fromOutside.visit(({ meta }) => meta.userId)).toBe('ann')
  })

  test('a logout has ended the session, and may be repeated', async () => {
    const site = await guest()
    await losing(site, (session) => session.destroy())
    const fromOutside = new Visitor<Data>(site.truth, site.cookie)
    expect(await fromOutside.visit(({ hits }) => hits)).toBeUndefined()
    await again(site.visitor, (session) => session.destroy())
  })
})
