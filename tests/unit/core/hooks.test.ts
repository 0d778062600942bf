/** What an application can put into the engine: validate, beforeSave, conflicts, a codec. */
import { describe, expect, test } from 'vitest'
import type { Codec, SessionsOptions } from '../../../src/index.ts'
import { createSessions } from '../../../src/index.ts'
import type { RequestHead } from '../../../src/core/transport.ts'
import { memoryStore } from '../../../src/memory/index.ts'
import { Visitor } from '../../support/visitor.ts'

interface Data {
  user: string
  device: string
  count: number
  savedBy: string
  at: Date
}

/** Two engines on one store: one as the application has it, one without its hooks. */
function setUp(options: SessionsOptions<Data>) {
  const store = memoryStore()
  const plain: SessionsOptions<Data> = { store, cookie: { secure: true } }
  const sessions = createSessions<Data>({ ...plain, ...options })
  return { sessions, unhooked: createSessions<Data>(plain), visitor: new Visitor(sessions) }
}

describe('validate', () => {
  test('makes a visitor anonymous whose session does not fit, and keeps the session', async () => {
    let isWelcome = true
    const { visitor, sessions, unhooked } = setUp({ validate: () => isWelcome })
    const rejected: unknown[] = []
    sessions.events.on('rejected', ({ reason }) => rejected.push(reason))
    await visitor.visit((session) => void (session.user = 'ann'))
    const before = visitor.cookie
    expect(await visitor.visit(({ user }) => user)).toBe('ann')
    isWelcome = false
    await visitor.visit((session) => expect({ ...session }).toEqual({}))
    expect(rejected).toEqual(['validate'])
    await visitor.visit((session) => void (session.count = 1))
    expect(visitor.cookie).not.toBe(before)
    expect(await new Visitor(unhooked, before).visit(({ user }) => user)).toBe('ann')
  })

  test('sees the session and the request, may take its time, and is not asked about newcomers', async () => {
    const seen: unknown[] = []
    const validate = async (session: object, request: unknown): Promise<boolean> => {
      await Promise.resolve()
      seen.push([{ ...session }, request])
      return true
    }
    const { visitor } = setUp({ validate })
    await visitor.visit((session) => void (session.user = 'ann'))
    expect(seen).toEqual([])
    expect(await visitor.visit(({ user }) => user)).toBe('ann')
    expect(seen).toEqual([[{ user: 'ann' }, {}]])
  })

  test('that throws is the error of the request, which then sees and saves nothing', async () => {
    const boom = new Error('boom')
    let isBroken = false
    const validate = (): boolean => {
      if (isBroken) throw boom
      return true
    }
    const { sessions, visitor } = setUp({ validate })
    await visitor.visit((session) => void (session.user = 'ann'))
    isBroken = true
    const request = {}
    const visit = sessions.begin(headOf(visitor.cookie), request)
    await expect(sessions.getSession(request)).rejects.toBe(boom)
    await expect(sessions.getSession(request)).rejects.toBe(boom)
    await visit?.settle()
    expect(visit?.headerLines()).toEqual([])
    isBroken = false
    const { user } = await sessions.getSession(request)
    expect(user).toBe('ann')
  })

  test('cannot be slipped past while it takes its time', async () => {
    let decide = (_is: boolean): void => undefined
    const validate = (): Promise<boolean> => new Promise((resolve) => (decide = resolve))
    const { sessions, unhooked } = setUp({ validate })
    const visitor = new Visitor(unhooked)
    await visitor.visit((session) => void (session.user = 'ann'))
    const visit = sessions.begin(headOf(visitor.cookie))
    const opening = visit?.open()
    // Far enough for the store to have answered.
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    expect(() => visit?.session).toThrow(expect.objectContaining({ code: 'ERR_NOT_LOADED' }))
    decide(false)
    await opening
    expect({ ...visit?.session }).toEqual({})
  })
})

describe('beforeSave', () => {
  test('runs before a session is made or changed, and what it changes is saved', async () => {
    let saves = 0
    const beforeSave = (session: { savedBy?: string | undefined }): void => {
      session.savedBy = `save ${++saves}`
    }
    const { visitor } = setUp({ beforeSave })
    await visitor.visit((session) => void (session.user = 'ann'))
    expect(await visitor.visit(({ savedBy }) => savedBy)).toBe('save 1')
    await visitor.visit((session) => void (session.count = 1))
    expect(await visitor.visit(({ savedBy }) => savedBy)).toBe('save 2')
    await visitor.visit((session) => session.regenerate({ keepData: true }))
    expect(await visitor.visit(({ savedBy }) => savedBy)).toBe('save 3')
  })

  test('does not run for a request that only reads, or ends the session', async () => {
    let saves = 0
    const { visitor } = setUp({ beforeSave: () => void saves++ })
    await visitor.visit(() => undefined)
    expect(saves).toBe(0)
    await visitor.visit((session) => void (session.user = 'ann'))
    await visitor.visit(({ user }) => user)
    await visitor.visit((session) => session.touch())
    await visitor.visit((session) => session.destroy())
    expect(saves).toBe(1)
  })

  test('may take its time, and what it throws is the error of the save', async () => {
    const boom = new Error('boom')
    const beforeSave = async (session: { user?: string | undefined }): Promise<void> => {
      await Promise.resolve()
      if (session.user === 'mallory') throw boom
    }
    const { visitor } = setUp({ beforeSave })
    await visitor.visit((session) => void (session.user = 'ann'))
    await expect(visitor.visit((session) => void (session.user = 'mallory'))).rejects.toBe(boom)
    expect(await visitor.visit(({ user }) => user)).toBe('ann')
  })

  test('that takes every change back leaves nothing to save', async () => {
    const beforeSave = (session: { count?: number | undefined }): void => void delete session.count
    const { visitor } = setUp({ beforeSave })
    await visitor.visit((session) => void (session.count = 1))
    expect(visitor.cookie).toBeUndefined()
  })
})

describe('two requests that assign the same field', () => {
  async function collide(options: SessionsOptions<Data>) {
    const setup = setUp(options)
    const conflicts: unknown[] = []
    setup.sessions.events.on('conflict', ({ fields }) => conflicts.push(fields))
    await setup.visitor.visit((session) => void Object.assign(session, { user: 'ann', count: 1 }))
    const [first, second] = [await setup.visitor.request(), await setup.visitor.request()]
    first.session.count = 10
    second.session.count = 100
    second.session.device = 'phone'
    await first.settle()
    return { ...setup, second, conflicts }
  }

  test('by default leave the later value, and are told of', async () => {
    const { second, visitor, conflicts } = await collide({})
    await second.settle()
    expect(await visitor.visit(({ count }) => count)).toBe(100)
    expect(conflicts).toEqual([['count']])
  })

  test('leave the first value and an error, where that is asked for', async () => {
    const { second, visitor, conflicts } = await collide({ onConflict: 'error' })
    await expect(second.settle()).rejects.toMatchObject({
      code: 'ERR_CONFLICT',
      status: 409,
      fields: ['count'],
    })
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({ user: 'ann', count: 10 })
    expect(conflicts).toEqual([['count']])
  })

  test('leave what a function makes of both, which the request sees too', async () => {
    const asked: unknown[] = []
    const { second, visitor } = await collide({
      onConflict: (field, values) => {
        asked.push([field, values])
        return (values.theirs as number) + (values.mine as number) - (values.base as number)
      },
    })
    await second.settle()
    expect(asked).toEqual([['count', { base: 1, theirs: 10, mine: 100 }]])
    expect(second.session.count).toBe(109)
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({
      user: 'ann',
      count: 109,
      device: 'phone',
    })
    await second.settle()
    expect(await visitor.visit(({ count }) => count)).toBe(109)
  })

  test('leave an error where the function throws or makes what cannot be stored', async () => {
    const boom = new Error('boom')
    const throwing = await collide({
      onConflict: () => {
        throw boom
      },
    })
    await expect(throwing.second.settle()).rejects.toBe(boom)
    const strange = await collide({ onConflict: () => new Map() })
    await expect(strange.second.settle()).rejects.toMatchObject({ code: 'ERR_NOT_SERIALISABLE' })
    expect(await strange.visitor.visit(({ count }) => count)).toBe(10)
  })
})

describe('a codec', () => {
  const dates: Codec = {
    encode: (value) => JSON.stringify(value instanceof Date ? { $date: value.getTime() } : value),
    decode: (text) => {
      const value = JSON.parse(text) as { $date?: number } | null
      return value?.$date === undefined ? value : new Date(value.$date)
    },
  }

  test('writes and reads what JSON cannot, and sees what has not changed', async () => {
    const { visitor } = setUp({ codec: dates })
    const at = new Date(1234)
    await visitor.visit((session) => void (session.at = at))
    expect(await visitor.visit((session) => session.at)).toEqual(at)
    await visitor.visit((session) => session.update('at', (stored) => new Date(Number(stored) + 1)))
    await visitor.visit((session) => void session.at?.setTime(5000))
    expect(await visitor.visit((session) => session.take('at'))).toEqual(new Date(5000))
  })
})

function headOf(cookie: string | undefined): RequestHead {
  return {
    header: (name) => (name === 'cookie' ? cookie : undefined),
    path: '/',
    secure: true,
    source: {},
  }
}
