/** Errors say what to do, and nothing of what a visitor stored. */
import { inspect } from 'node:util'
import { runInNewContext } from 'node:vm'
import { ReplyError } from 'ioredis'
import { ErrorReply } from 'redis'
import { describe, expect, test } from 'vitest'
import { goneError, HandstampError, headSentError, optionError } from '../../../src/core/errors.ts'
import { createSessions } from '../../../src/index.ts'
import type { Store } from '../../../src/index.ts'
import { memoryStore } from '../../../src/memory/index.ts'
import { Visitor } from '../../support/visitor.ts'

const SECRET = '4111-1111-1111-1111'

/** What ioredis rejects with: the command hangs on it, with all its arguments. */
function ioredisError(message: string): Error {
  const command = { name: 'evalsha', args: ['f47602', '1', 'hs:{abc}:x', `,"card":"${SECRET}"`] }
  return Object.assign(new ReplyError(message), { command, previousErrors: [new Error(SECRET)] })
}

class StrangeError extends Error {
  override readonly name = 'StrangeError'
  readonly card = SECRET;
  [inspect.custom](): string {
    return SECRET
  }
  toJSON(): string {
    return SECRET
  }
}

const causes: [title: string, cause: unknown, says: RegExp][] = [
  ['a reply error of ioredis', ioredisError('OOM command not allowed'), /OOM command not allowed/],
  [
    'the echo of an unknown command',
    ioredisError(
      `ERR unknown command 'EVALSHA', with args beginning with: '${SECRET}' '${SECRET}'`,
    ),
    /ERR unknown command 'EVALSHA'/,
  ],
  [
    'the echo of an unknown command of an older server',
    ioredisError(
      `ERR unknown command \`EVALSHA\`, with args beginning with: \`${SECRET}\`, \n\`x\``,
    ),
    /ERR unknown command `EVALSHA`/,
  ],
  [
    'an error reply of node-redis',
    Object.assign(new ErrorReply('LOADING'), { args: [SECRET] }),
    /LOADING/,
  ],
  [
    'an error with a cause of its own',
    new Error('no connection', { cause: ioredisError('READONLY') }),
    /no connection/,
  ],
  [
    'several errors at once',
    new AggregateError([ioredisError('one'), new Error(SECRET)], 'all failed'),
    /all failed/,
  ],
  ['an error that prints itself', new StrangeError('broken pipe'), /StrangeError\]?: broken pipe/],
  [
    'an error of another realm',
    runInNewContext(`Object.assign(new Error('torn'), { args: ['${SECRET}'] })`),
    /torn/,
  ],
  ['an object that is no error', { command: { args: [SECRET] } }, /ERR_STORE/],
  ['a text', `failed at ${SECRET}`, /ERR_STORE/],
  ['nothing', undefined, /ERR_STORE/],
]

describe('a store that fails', () => {
  test.each(causes)(
    'with %s becomes an ERR_STORE without user data',
    async (_title, cause, says) => {
      const sessions = createSessions({ store: failing(cause) })
      const told: unknown[] = []
      sessions.events.on('storeFailed', (event) => told.push(event))
      const failure = await failureOf(
        new Visitor(sessions).visit((session) => void (session['card'] = SECRET)),
      )
      expect(failure).toBeInstanceOf(HandstampError)
      expect(failure).toMatchObject({ code: 'ERR_STORE', status: 503, expose: false })
      const printed = inspect([failure, told], { depth: 10, showHidden: true })
      expect(printed).toMatch(says)
      expect(printed).not.toContain(SECRET)
      expect(JSON.stringify([failure, told])).not.toContain(SECRET)
    },
  )

  test('is told once, with the operation and the error that the handler gets', async () => {
    const sessions = createSessions({ store: failing(ioredisError('OOM')) })
    const told: unknown[] = []
    sessions.events.on('storeFailed', (event) => told.push(event))
    const failure = await failureOf(new Visitor(sessions).visit((session) => session.save()))
    expect(told).toEqual([{ operation: 'create', error: failure }])
  })

  test('keeps name, code and sentence of what it said', async () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    const sessions = createSessions({ store: failing(refused) })
    const failure = await failureOf(new Visitor(sessions).visit((session) => session.save()))
    expect(failure).toMatchObject({
      cause: { name: 'Error', message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' },
    })
  })

  test('with an error of ours is passed on as it is', async () => {
    const ours = new HandstampError('ERR_CLOSED', 'closed')
    const sessions = createSessions({ store: failing(ours) })
    await expect(new Visitor(sessions).visit((session) => session.save())).rejects.toBe(ours)
  })

  test("with ids in the visitor's cookie does not print them", async () => {
    const id = 'abcX3vN8rT5wY1zB7kM2pL9sQ4hJ6gF0dC'
    const sessions = createSessions({ store: failing(ioredisError('OOM')) })
    const failure = await failureOf(new Visitor(sessions, `sid=${id}`).visit(() => undefined))
    expect(failure).toMatchObject({ code: 'ERR_STORE' })
    expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain(id)
  })
})

describe('an error', () => {
  test.each([
    ['ERR_CONFLICT', 409],
    ['ERR_SESSION_GONE', 409],
    ['ERR_STORE', 503],
    ['ERR_STORE_TIMEOUT', 503],
    ['ERR_CLOSED', 503],
    ['ERR_TOO_LARGE', 500],
    ['ERR_OPTION', 500],
  ] as const)('%s is answered with %i, and its message is not for the client', (code, status) => {
    expect(new HandstampError(code, 'text')).toMatchObject({ code, status, expose: false })
  })

  test('is an Error with a name, a message and no empty cause', () => {
    const error = goneError()
    expect(error).toBeInstanceOf(Error)
    expect(String(error)).toMatch(/^HandstampError: The session was ended/)
    expect('cause' in error).toBe(false)
    expect(error.fields).toEqual([])
  })

  test('says what to do about it', () => {
    expect(goneError().message).toContain('repeat the request')
    expect(headSentError().message).toContain('before the first byte')
    expect(optionError('x must be y.')).toMatchObject({
      code: 'ERR_OPTION',
      message: 'x must be y.',
    })
  })
})

/** A store that answers every write and read with this failure. */
function failing(cause: unknown): Store {
  const fail = (): Promise<never> => Promise.reject(cause)
  return { ...memoryStoreVerbs(), load: fail, create: fail, update: fail }
}

function memoryStoreVerbs(): Store {
  const store = memoryStore()
  return {
    load: (handle) => store.load(handle),
    create: (...args) => store.create(...args),
    adopt: (...args) => store.adopt(...args),
    pin: (...args) => store.pin(...args),
    update: (...args) => store.update(...args),
    increment: (...args) => store.increment(...args),
    touch: (...args) => store.touch(...args),
    regenerate: (...args) => store.regenerate(...args),
    end: (...args) => store.end(...args),
    claim: (...args) => store.claim(...args),
    users: store.users,
    references: store.references,
    activity: store.activity,
    revocations: store.revocations,
    close: () => store.close(),
  }
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  )
}
