/** The command has run, and its reply is lost: whoever asked cannot know, and asks again. */
import { describe, expect, test } from 'vitest'
import type { Session } from '../../src/index.ts'
import { Visitor } from '../support/visitor.ts'
import { clients, siteThrough } from './sessions-through.ts'
import type { Data, Site } from './sessions-through.ts'

/** What the request of a lost reply ends with, where the client does not send the command again. */
const unknown = { code: expect.stringMatching(/^ERR_STORE/), status: 503 }

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
    const outcome = await visitor.visit(handler).then(
      () => 'done' as const,
      (error: unknown) => {
        expect(error).toMatchObject(unknown)
        return 'unknown' as const
      },
    )
    proxy.pass()
    expect(lost).toBeGreaterThan(0)
    return outcome
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
    if (outcome === 'done') expect(await lives(site.visitor.cookie)).toBe(true)
    else expect(site.visitor.cookie).toBe(site.cookie)
  })

  test('a sign-in makes one session; a second one is refused while its mark stands, and no other', async () => {
    const site = await guest()
    const signIn = (session: Session<Data>) => session.signIn('ann')
    const outcome = await losing(site, signIn)
    expect(await site.truth.user('ann').count()).toBe(1)
    if (outcome === 'unknown') {
      expect(site.visitor.cookie).toBe(site.cookie)
      // Decision 012: for 30 s it looks like the second click of two.
      const second = new Visitor<Data>(site.truth, site.cookie)
      await expect(second.visit(signIn)).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' })
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
