/** Where a Cluster sends its clients elsewhere, they go, and sessions do not notice. */
import { Cluster } from 'ioredis'
import { createCluster } from 'redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import type { RedisClient } from '../../src/redis/index.ts'
import { freshPrefix, redisServers } from '../support/redis.ts'
import { Visitor } from '../support/visitor.ts'
import { startProxy } from './proxy.js'
import type { Proxy } from './proxy.js'

type Through = Record<string, { host: string; port: number }>

const connecting: [string, (nodes: Through) => Promise<RedisClient>][] = [
  [
    'ioredis',
    async (natMap) => {
      const client = new Cluster(Object.values(natMap), { natMap })
      client.on('error', () => undefined)
      onTestFinished(() => client.disconnect())
      return client
    },
  ],
  [
    'node-redis',
    async (nodeAddressMap) => {
      const rootNodes = Object.values(nodeAddressMap).map((socket) => ({ socket }))
      const client = createCluster({ rootNodes, nodeAddressMap })
      client.on('error', () => undefined)
      await client.connect()
      onTestFinished(() => client.destroy())
      return client
    },
  ],
]

describe.each(connecting)('%s', (_, connect) => {
  test.each(['MOVED', 'ASK'])('follows %s', async (word) => {
    const proxies = new Map<number, Proxy>()
    for (const { port } of redisServers().cluster.nodes) proxies.set(port, await startProxy(port))
    onTestFinished(async () => {
      for (const proxy of proxies.values()) await proxy.stop()
    })
    const through = Object.fromEntries(
      Array.from(proxies, ([port, proxy]) => [
        `127.0.0.1:${port}`,
        { host: '127.0.0.1', port: proxy.port },
      ]),
    )
    const client = await connect(through)
    const sessions = createSessions<{ n: number }>({
      store: redisStore({ client, prefix: freshPrefix() }),
      // A client that is told MOVED asks for the slots of all nodes first; how fast is not the matter here.
      storeTimeout: '5s',
    })
    const visitors = Array.from({ length: 6 }, () => new Visitor(sessions))
    for (const visitor of visitors) await visitor.visit((session) => void (session.n = 0))

    // Each node sends every second command once more to itself, as if the slot had just come there.
    let redirected = 0
    for (const [port, proxy] of proxies) {
      let count = 0
      proxy.meet(({ name }) => {
        if (!/^(GET|EVALSHA)$/.test(name) || count++ % 2 === 1) return undefined
        redirected++
        return { kind: 'reply', line: `-${word} 1 127.0.0.1:${port}` }
      })
    }
    for (const [at, visitor] of visitors.entries()) {
      await visitor.visit((session) => void (session.n = at + 1))
      expect(await visitor.visit(({ n }) => n)).toBe(at + 1)
    }
    expect(redirected).toBeGreaterThanOrEqual(visitors.length * 3)
  })
})
