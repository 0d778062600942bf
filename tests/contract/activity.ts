/** The contract of src/core/activity-store.ts as tests, for any store. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Active, ActivityStore, Sighting } from '../../src/core/activity-store.ts'
import type { Handle } from '../../src/core/id.ts'
import type { UserKey } from '../../src/core/user.ts'

const NOW = Date.UTC(2026, 0, 1)
const DAY = 86_400_000

export function describeActivity(activity: () => ActivityStore): void {
  describe('activity', () => {
    const note = (part: Partial<Sighting> & Pick<Sighting, 'handle' | 'namespace'>) =>
      activity().note({ seenAt: NOW, keep: DAY, ...part })
    const counts = async (namespace: string, since = NOW) => {
      const { sessions, users } = await activity().since(namespace, since, 0)
      return [sessions, users]
    }

    test('counts sessions, and users once each', async () => {
      const namespace = randomText(12)
      const [ann, bob] = [userKey(), userKey()]
      for (const owner of [ann, ann, bob, undefined]) {
        await note({ namespace, owner, handle: handleOf(owner) })
      }
      expect(await counts(namespace)).toEqual([4, 2])
    })

    test('counts what was seen at that time or later', async () => {
      const namespace = randomText(12)
      const owner = userKey()
      await note({ namespace, owner, handle: handleOf(owner), seenAt: NOW + 5 })
      expect(await counts(namespace, NOW + 4)).toEqual([1, 1])
      expect(await counts(namespace, NOW + 5)).toEqual([1, 1])
      expect(await counts(namespace, NOW + 6)).toEqual([0, 0])
    })

    test('knows a session by its latest sighting, in whatever order they come', async () => {
      const namespace = randomText(12)
      const owner = userKey()
      const handle = handleOf(owner)
      for (const seenAt of [NOW + 3, NOW + 9, NOW, NOW + 9]) {
        await note({ namespace, owner, handle, seenAt })
      }
      expect(await counts(namespace, NOW + 9)).toEqual([1, 1])
      expect(await counts(namespace, NOW + 10)).toEqual([0, 0])
      expect(await counts(namespace)).toEqual([1, 1])
    })

    test('lists the latest sessions first, as many as are asked for', async () => {
      const namespace = randomText(12)
      const handles = Array.from({ length: 40 }, () => handleOf())
      for (const [at, handle] of handles.entries()) {
        await note({ namespace, handle, seenAt: NOW + at })
      }
      const latest = handles.toReversed()
      const listed = async (since: number, most: number): Promise<Active['recent']> =>
        (await activity().since(namespace, since, most)).recent
      expect(await listed(NOW, 100)).toEqual(latest)
      expect(await listed(NOW, 7)).toEqual(latest.slice(0, 7))
      expect(await listed(NOW + 38, 7)).toEqual(latest.slice(0, 2))
      expect(await listed(NOW, 0)).toEqual([])
    })

    test('keeps namespaces apart, and any text is one', async () => {
      const names = ['a', 'A', 'a:s', 'a ', '{a}', 'x'.repeat(2000), '😀\n', '__proto__', '~'].map(
        (name) => name + randomText(4),
      )
      for (const [at, namespace] of names.entries()) {
        for (let n = 0; n <= at; n++) await note({ namespace, handle: handleOf() })
      }
      for (const [at, namespace] of names.entries()) {
        expect([namespace, await counts(namespace)]).toEqual([namespace, [at + 1, 0]])
      }
      expect(await activity().since(randomText(12), 0, 10)).toEqual({
        sessions: 0,
        users: 0,
        recent: [],
      })
    })

    test('forgets sessions everywhere, leaves the others, and knows no error', async () => {
      const [here, there] = [randomText(12), randomText(12)]
      const [stays, goes] = [handleOf(), handleOf()]
      for (const namespace of [here, there]) {
        for (const handle of [stays, goes]) await note({ namespace, handle })
      }
      for (let times = 0; times < 2; times++) {
        await activity().forget([goes, handleOf()])
        for (const namespace of [here, there]) {
          expect((await activity().since(namespace, NOW, 9)).recent).toEqual([stays])
        }
      }
      await activity().forget([])
    })

    test('forgets 1,200 sessions of one user at once', async () => {
      const namespace = randomText(12)
      const owner = userKey()
      const handles = Array.from({ length: 1200 }, () => handleOf(owner))
      await Promise.all(handles.map((handle) => note({ namespace, handle, owner })))
      expect(await counts(namespace)).toEqual([1200, 1])
      await activity().forget(handles, { owner, seenBy: NOW })
      expect(await counts(namespace)).toEqual([0, 0])
    })

    test('forgets a user who left, but not one who is back', async () => {
      const namespace = randomText(12)
      const [gone, back] = [userKey(), userKey()]
      await note({ namespace, owner: gone, handle: handleOf(gone), seenAt: NOW + 5 })
      await note({ namespace, owner: back, handle: handleOf(back), seenAt: NOW + 6 })
      for (const owner of [gone, back, userKey()]) {
        await activity().forget([handleOf(owner)], { owner, seenBy: NOW + 5 })
      }
      expect(await counts(namespace)).toEqual([2, 1])
      await activity().forget([], { owner: back, seenBy: NOW + 6 })
      expect(await counts(namespace)).toEqual([2, 0])
    })
  })
}

function randomText(length: number): string {
  return randomBytes(length).toString('base64url').slice(0, length)
}

function userKey(): UserKey {
  return randomText(25) as UserKey
}

/** A session of the user lies under the user's slot tag. */
function handleOf(owner?: UserKey): Handle {
  return ((owner ?? randomText(3)).slice(0, 3) + randomText(22)) as Handle
}
