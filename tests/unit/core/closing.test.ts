import { describe, expect, test } from 'vitest'
import { createSessions } from '../../../src/index.ts'
import { memoryStore } from '../../../src/memory/index.ts'
import { Visitor } from '../../support/visitor.ts'

/** A memory whose `create` waits until it is let go. */
function held() {
  const store = memoryStore()
  const create = store.create.bind(store)
  let release!: () => void
  const released = new Promise<void>((resolve) => (release = resolve))
  let closed = 0
  const close = store.close.bind(store)
  Object.assign(store, {
    create: async (...args: Parameters<typeof create>) => {
      await released
      return create(...args)
    },
    close: () => {
      closed++
      return close()
    },
  })
  return { store, release, closed: () => closed }
}

describe('sessions that are closed', () => {
  test('refuse new requests, and let open ones settle before the store goes', async () => {
    const { store, release, closed } = held()
    const sessions = createSessions<{ count: number }>({ store, storeTimeout: '60s' })
    const step = await new Visitor(sessions).request()
    step.session.count = 1
    const closing = sessions.close()
    expect(sessions.close()).toBe(closing)
    await expect(new Visitor(sessions).request()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    const settling = step.settle()
    await new Promise((resolve) => setImmediate(resolve))
    expect(closed()).toBe(0)
    release()
    await settling
    expect(step.leave()).not.toEqual([])
    await closing
    expect(closed()).toBe(1)
  })

  test('wait five seconds for what does not come, and settle it with a typed error', async () => {
    const { store, closed } = held()
    const sessions = createSessions<{ count: number }>({ store, storeTimeout: '60s' })
    const step = await new Visitor(sessions).request()
    step.session.count = 1
    const settling = step.settle().catch((error: unknown) => error)
    await sessions.close()
    expect(closed()).toBe(1)
    expect(await settling).toMatchObject({ code: 'ERR_CLOSED', status: 503 })
    await expect(sessions.user('u-1').list()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })
})
