/** CSRF tokens: each render another text, good for the session it was made for and no other. */
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { isCsrfTokenOf, csrfTokenOf } from '../../../src/core/csrf.ts'
import type { SessionId } from '../../../src/core/id.ts'
import { createSessions, HandstampError } from '../../../src/index.ts'
import { memoryStore } from '../../../src/memory/index.ts'
import { fakeClock } from '../../support/clock.ts'
import { Visitor } from '../../support/visitor.ts'

interface Data {
  views: number
}

function setUp() {
  const clock = fakeClock()
  const store = memoryStore({ clock })
  const sessions = createSessions<Data>({ cookie: { secure: true }, clock, store })
  return { clock, sessions, visitor: new Visitor(sessions) }
}

/** A visitor with a session, and a token that one of its pages holds. */
async function withToken() {
  const setup = setUp()
  const token = await setup.visitor.visit((session) => {
    session.views = 1
    return session.csrfToken()
  })
  const isValid = (candidate: unknown) =>
    setup.visitor.visit((session) => session.verifyCsrf(candidate))
  return { ...setup, token, isValid }
}

const idOf = ({ cookie }: Visitor<Data>): SessionId => cookie?.split('=')[1] as SessionId

describe('a CSRF token', () => {
  test('is another text in each of 1,000 renders, and each of them is valid', async () => {
    const { visitor } = await withToken()
    const tokens = await visitor.visit((session) =>
      Promise.all(Array.from({ length: 1000 }, () => session.csrfToken())),
    )
    expect(new Set(tokens).size).toBe(1000)
    const verdicts = await visitor.visit((session) => tokens.map((one) => session.verifyCsrf(one)))
    expect(verdicts.filter((isValid) => !isValid)).toEqual([])
  })

  test('shares no part with another one of the same session', async () => {
    const { token, visitor } = await withToken()
    const other = await visitor.visit((session) => session.csrfToken())
    const same = Array.from(token).filter((character, at) => character === other[at])
    expect(token).toMatch(/^[\w-]{86}$/)
    // 86 characters of 64: 1 or 2 agree by chance, and the last one is one of four.
    expect(same.length).toBeLessThan(20)
  })

  test('creates the session that it is for, so that the client gets its cookie', async () => {
    const { visitor } = setUp()
    const step = await visitor.request()
    expect(step.session.meta.isNew).toBe(true)
    const token = await step.session.csrfToken()
    expect(step.session.meta.isNew).toBe(false)
    expect(step.session.verifyCsrf(token)).toBe(true)
    await step.settle()
    step.arrive()
    expect(visitor.cookie).toBeDefined()
    expect(await visitor.visit((session) => session.verifyCsrf(token))).toBe(true)
  })

  test('costs the store nothing where the session exists', async () => {
    const { visitor, sessions } = await withToken()
    const written: string[] = []
    sessions.events.on('created', () => written.push('created'))
    const step = await visitor.request()
    await step.session.csrfToken()
    await step.settle()
    expect(step.leave()).toEqual([])
    expect(written).toEqual([])
  })

  test('of another session is refused', async () => {
    const { isValid, sessions } = await withToken()
    const other = await new Visitor(sessions).visit((session) => session.csrfToken())
    expect(await isValid(other)).toBe(false)
  })

  test('is refused where the client has no session yet', async () => {
    const { token, sessions } = await withToken()
    const { session } = await new Visitor(sessions).request()
    expect(session.verifyCsrf(token)).toBe(false)
  })

  test('from before a sign-in, a regenerate, a reauthentication or a sign-out is refused after', async () => {
    const { isValid, visitor } = await withToken()
    const changes = [
      (session: Session) => session.signIn('u-1'),
      (session: Session) => session.regenerate({ keepData: true }).then(() => session.save()),
      (session: Session) => session.reauthenticate(),
      (session: Session) => session.signOut(),
    ]
    for (const change of changes) {
      const before = await visitor.visit((session) => session.csrfToken())
      expect(await isValid(before)).toBe(true)
      const within = await visitor.visit(async (session) => {
        await change(session)
        return session.verifyCsrf(before)
      })
      expect([within, await isValid(before)]).toEqual([false, false])
    }
  })

  test('asked for after a regenerate is one of the new id', async () => {
    const { isValid, visitor } = await withToken()
    const before = idOf(visitor)
    const token = await visitor.visit(async (session) => {
      await session.regenerate({ keepData: true })
      return session.csrfToken()
    })
    expect(idOf(visitor)).not.toBe(before)
    expect(await isValid(token)).toBe(true)
  })

  test('within the grace of a regenerate is one of the old id', async () => {
    const { clock, token, visitor, sessions } = await withToken()
    const late = new Visitor(sessions, visitor.cookie)
    await visitor.visit((session) => session.regenerate({ keepData: true, grace: '10s' }))
    const rendered = await late.visit(async (session) => {
      expect(session.verifyCsrf(token)).toBe(true)
      await session.reload()
      expect(session.verifyCsrf(token)).toBe(true)
      return session.csrfToken()
    })
    expect(await late.visit((session) => session.verifyCsrf(rendered))).toBe(true)
    expect(await visitor.visit((session) => session.verifyCsrf(rendered))).toBe(false)
    clock.advance(10_000)
    const { session } = await late.request()
    expect(session.verifyCsrf(rendered)).toBe(false)
    await expect(session.csrfToken()).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' })
  })

  test('is neither made nor accepted after the session ended', async () => {
    const { token, visitor, sessions } = await withToken()
    const other = new Visitor(sessions, visitor.cookie)
    const step = await other.request()
    await visitor.visit(async (session) => {
      await session.destroy()
      expect(session.verifyCsrf(token)).toBe(false)
      await expect(session.csrfToken()).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' })
    })
    // Another request learns of it when it writes.
    await expect(step.session.increment('views')).rejects.toThrow(HandstampError)
    expect(step.session.verifyCsrf(token)).toBe(false)
    await expect(step.session.csrfToken()).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' })
    // And one that comes with the old cookie finds no session at all.
    const { session } = await other.request()
    await expect(session.csrfToken()).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' })
  })

  test('for a new session comes too late when the head of the response has left', async () => {
    const step = await setUp().visitor.request()
    step.leave()
    // That nobody awaits this one ends no process.
    void step.session.csrfToken()
    await expect(step.session.csrfToken()).rejects.toMatchObject({ code: 'ERR_HEAD_SENT' })
  })
})

type Session = Awaited<ReturnType<Visitor<Data>['request']>>['session']

describe('what is no token', () => {
  test('is refused, each single bit and length of it', async () => {
    const { token, visitor } = await withToken()
    const bytes = Buffer.from(token, 'base64url')
    const flipped = Array.from({ length: bytes.length * 8 }, (_, bit) => {
      const copy = Buffer.from(bytes)
      copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      return copy.toString('base64url')
    })
    const cut = Array.from(token, (_, length) => token.slice(0, length))
    const replaced = Array.from(token, (character, at) =>
      Array.from('ABgwz-_.=+/ \0', (other) =>
        other === character ? '' : token.slice(0, at) + other + token.slice(at + 1),
      ),
    ).flat()
    const candidates = [...flipped, ...cut, ...replaced, `${token}A`, `${token}=`, ` ${token}`]
    const accepted = await visitor.visit((session) =>
      candidates.filter((candidate) => session.verifyCsrf(candidate)),
    )
    expect(candidates.length).toBeGreaterThan(1500)
    expect(accepted).toEqual([])
  })

  test('has one spelling only: base64url of 64 bytes leaves four bits unused', () => {
    const id = 'abc'.repeat(12) as SessionId
    const token = csrfTokenOf(id)
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const spellings = Array.from(alphabet, (last) => token.slice(0, -1) + last)
    expect(spellings.filter((spelling) => isCsrfTokenOf(id, spelling))).toEqual([token])
  })

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['an empty text', ''],
    ['a number', 86],
    ['true', true],
    ['a symbol', Symbol('token')],
    ['a list of nothing', []],
    ['zeros', 'A'.repeat(86)],
    ['1 MiB', 'A'.repeat(1024 * 1024)],
    ['86 characters of two bytes', 'é'.repeat(86)],
  ])('is refused: %s', async (_, candidate) => {
    expect(await (await withToken()).isValid(candidate)).toBe(false)
  })

  test('is refused: a valid token in a list, an object, a String', async () => {
    const { token, isValid } = await withToken()
    const wrapped: unknown[] = [[token], { 0: token, length: 86 }, new String(token)]
    for (const candidate of wrapped) expect(await isValid(candidate)).toBe(false)
  })

  test('costs no more than a look at its length', async () => {
    const { visitor } = await withToken()
    const { session } = await visitor.request()
    const long = 'A'.repeat(1024 * 1024)
    const began = performance.now()
    for (let times = 0; times < 10_000; times++) session.verifyCsrf(long)
    // 10 GB of text: whoever reads it takes seconds.
    expect(performance.now() - began).toBeLessThan(500)
  })
})

describe('the secret behind the tokens', () => {
  test('shows neither the id nor the token to whoever prints, copies or stores the session', async () => {
    const { token, visitor } = await withToken()
    const id = idOf(visitor)
    const { session } = await visitor.request()
    await session.csrfToken()
    for (const printed of [
      inspect(session, { depth: 9, showHidden: true }),
      JSON.stringify(session),
    ]) {
      expect(printed).not.toContain(token)
      expect(printed).not.toContain(id)
    }
    expect(token).not.toContain(id)
    expect(Buffer.from(token, 'base64url').toString('latin1')).not.toContain(id)
  })

  test('is no session id: a token in the cookie opens nothing', async () => {
    const { token, visitor, sessions } = await withToken()
    const name = visitor.cookie?.split('=')[0]
    const rejected: string[] = []
    sessions.events.on('rejected', ({ reason }) => rejected.push(reason))
    const { session } = await new Visitor(sessions, `${name}=${token}`).request()
    expect(session.meta.isNew).toBe(true)
    expect(rejected).toEqual(['unknown'])
  })
})
