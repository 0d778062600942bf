/** Do the sets name every live session, whatever happens at once and whichever command is the last? */
import type { Redis } from 'ioredis'
import { Cluster } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Store } from '../../../src/compat/koa-redis-session-sets.ts'
import { freshPrefix, redisServers } from '../../support/redis.ts'
import { connected } from './site.ts'

const USERS = ['ann', 'bob', 'cid']

function stores(client: Redis | Cluster, prefix = freshPrefix()): Store {
  return new Store({ client, prefix, references: { user_id: {} } })
}

async function usersWith(client: Redis | Cluster, store: Store, id: string): Promise<string[]> {
  const found = await Promise.all(
    USERS.map((user) => client.sismember(store.getReferenceKey('user_id', user), id)),
  )
  return USERS.filter((_, at) => found[at] === 1)
}

describe.each(['single', 'cluster'] as const)('requests at once (%s)', (topology) => {
  const connect = (): Redis | Cluster => {
    if (topology === 'single') return connected()
    const client = new Cluster([...redisServers().cluster.nodes])
    onTestFinished(() => client.disconnect())
    return client
  }

  test('that change a reference to and fro leave the session in the set of its value, and in no other', async () => {
    // Connections of their own, as servers have: what one sends overtakes what another has sent before.
    const [client, ...others] = [connect(), connect(), connect()]
    const store = stores(client)
    const servers = [client, ...others].map((connection) => stores(connection, store.prefix))
    for (let round = 0; round < 100; round++) {
      const id = store.createSessionId()
      await store.set(id, { user_id: 'ann' })
      await Promise.all(
        [0, 1, 2, 3, 4, 5].map((at) => {
          const server = servers[at % servers.length] ?? store
          return at === 5 && round % 3 === 0
            ? server.unset(id, ['user_id'])
            : server.set(id, { user_id: USERS[(round + at) % 3] })
        }),
      )
      const { user_id: user } = await store.get(id)
      expect(await usersWith(client, store, id)).toEqual(user ? [user] : [])
    }
  })

  test('that begin sessions of one user while others end are all found', async () => {
    const client = connect()
    const store = stores(client)
    const key = store.getReferenceKey('user_id', 'ann')
    for (let round = 0; round < 10; round++) {
      const ids = Array.from({ length: 60 }, () => store.createSessionId())
      await Promise.all(ids.map((id) => store.set(id, { user_id: 'ann' })))
      expect((await client.smembers(key)).toSorted()).toEqual(ids.toSorted())
      await Promise.all(ids.map((id) => store.delete(id)))
      expect(await client.exists(key)).toBe(0)
    }
  })
})

test('a process that dies after any of its commands leaves no live session out of its set', async () => {
  const eyes = connected()
  let live = 0
  for (let alive = 1, finished = false; !finished; alive++) {
    const prefix = freshPrefix()
    let sent = 0
    const client = {
      call: (command: string, args: string[]): Promise<unknown> =>
        ++sent > alive ? Promise.reject(new Error('dead')) : eyes.call(command, args),
    }
    const store = new Store({ client, prefix, references: { user_id: {} } })
    const id = store.createSessionId()
    const story = async (): Promise<void> => {
      await store.set(id, { user_id: 'ann' }, '1 hour')
      await store.set(id, { user_id: 'bob' })
      await store.touch(id, '90 days')
      await store.unset(id, ['user_id'])
      await store.set(id, { user_id: 'cid' })
      await store.delete(id)
    }
    finished = await story().then(
      () => true,
      () => false,
    )
    const { user_id: user } = await eyes.hgetall(store.getSessionKey(id))
    if (user === undefined) continue
    live++
    const set = store.getReferenceKey('user_id', user)
    expect(await eyes.sismember(set, id)).toBe(1)
    expect(await eyes.pttl(set)).toBeGreaterThan(await eyes.pttl(store.getSessionKey(id)))
  }
  expect(live).toBeGreaterThan(10)
})
