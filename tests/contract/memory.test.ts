/** The memory store keeps the contract of all stores, and what it promises besides. */
import { expect, test } from 'vitest'
import type { Handle } from '../../src/core/id.ts'
import { memoryStore } from '../../src/memory/index.ts'
import { fakeClock } from '../support/clock.ts'
import { describeStore } from './store.ts'

describeStore('memory', async () => {
  const clock = fakeClock()
  const store = memoryStore({ clock })
  return {
    store,
    leavesAfter: async (handle, ttl) => {
      clock.advance(ttl - 1)
      const last = await store.load(handle)
      clock.advance(1)
      return last !== undefined && (await store.load(handle)) === undefined
    },
    close: () => store.close(),
  }
})

const handleOf = (at: number): Handle => `abc${String(at).padStart(22, '0')}` as Handle

test('beyond its size the session unused for longest goes first', async () => {
  const store = memoryStore({ maxSessions: 3 })
  for (const at of [1, 2, 3]) await store.create(handleOf(at), `s${at}`, 60_000)
  await store.load(handleOf(1))
  await store.create(handleOf(4), 's4', 60_000)
  const left = await Promise.all([1, 2, 3, 4].map((at) => store.load(handleOf(at))))
  expect(left).toEqual(['s1', undefined, 's3', 's4'])
})

test('a closed store has forgotten everything', async () => {
  const store = memoryStore()
  await store.create(handleOf(1), 's1', 60_000)
  await store.close()
  expect(await store.load(handleOf(1))).toBeUndefined()
})

test('two stores know nothing of each other', async () => {
  const [one, other] = [memoryStore(), memoryStore()]
  await one.create(handleOf(1), 's1', 60_000)
  expect(await other.load(handleOf(1))).toBeUndefined()
})
