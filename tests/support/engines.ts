/** Engines on the test run's Redis: as many servers as a test wants, each with a connection of its own. */
import { Cluster, Redis } from 'ioredis'
import { onTestFinished } from 'vitest'
import { createSessions } from '../../src/index.ts'
import type { Sessions, SessionsOptions, Store } from '../../src/index.ts'
import { memoryStore } from '../../src/memory/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import type { SessionData } from '../../src/core/session.ts'
import { freshPrefix, redisServers } from './redis.ts'
import { login } from './restricted-user.ts'

export type Topology = 'single' | 'cluster' | 'memory'

/** Servers of one application: they share the keys, and each has a connection of its own; in memory they share the store. */
export function engines<Data extends SessionData<Data> & object>(
  count: number,
  options: SessionsOptions<Data> = {},
  topology: Topology = 'single',
): Sessions<Data>[] {
  const { clock } = options
  const store = topology === 'memory' ? memoryStore(clock && { clock }) : undefined
  const prefix = freshPrefix()
  const connected = (to: 'single' | 'cluster'): Store => {
    const client = connect(to)
    onTestFinished(() => client.disconnect())
    return redisStore({ client, prefix })
  }
  return Array.from({ length: count }, () => {
    // The tests are about order, not about speed: no deadline may decide them on a busy machine.
    return createSessions<Data>({
      storeTimeout: '60s',
      cookie: { secure: true },
      ...options,
      store: store ?? connected(topology as 'single' | 'cluster'),
    })
  })
}

/** With the rights that the docs name, and no more. */
function connect(topology: 'single' | 'cluster'): Redis | Cluster {
  const { single, cluster } = redisServers()
  const options = { ...login, enableAutoPipelining: true }
  if (topology === 'single') return new Redis(single.url, options)
  return new Cluster([...cluster.nodes], { redisOptions: login, enableAutoPipelining: true })
}

/** Runs work for each number from 0, so many at a time. */
export async function inBatches(
  total: number,
  width: number,
  work: (at: number) => Promise<void>,
): Promise<void> {
  for (let start = 0; start < total; start += width) {
    const batch = Array.from({ length: Math.min(width, total - start) }, (_, i) => work(start + i))
    await Promise.all(batch)
  }
}
