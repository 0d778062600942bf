/** A Cluster under many writes at once, with the options that the documentation recommends. */
import { Cluster } from 'ioredis'
import { Cluster as Cluster5 } from 'ioredis5'
import { Cluster as ValkeyCluster } from 'iovalkey'
import { expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { recommendedIoredisClusterOptions, redisStore } from '../../src/redis/index.ts'
import type { RedisClient } from '../../src/redis/index.ts'
import { freshPrefix, redisServers } from '../support/redis.ts'
import { Visitor } from '../support/visitor.ts'

const options = recommendedIoredisClusterOptions()
const nodes = (): { host: string; port: number }[] => [...redisServers().cluster.nodes]

test.each<[string, () => RedisClient & { disconnect(): void; status: unknown }]>([
  ['ioredis 6', () => new Cluster(nodes(), options)],
  ['ioredis 5', () => new Cluster5(nodes(), options)],
  ['iovalkey', () => new ValkeyCluster(nodes(), options)],
])('%s: 20 sessions written at once, 5 times over', async (_, connect) => {
  const client = connect()
  onTestFinished(() => client.disconnect())
  await expect.poll(() => client.status).toBe('ready')
  const sessions = createSessions<{ n: number }>({
    store: redisStore({ client, prefix: freshPrefix() }),
    storeTimeout: '60s',
  })
  const visitors = Array.from({ length: 20 }, () => new Visitor(sessions))
  for (const visitor of visitors) await visitor.visit((session) => void (session.n = 0))
  for (let round = 0; round < 5; round++)
    await Promise.all(
      visitors.map((visitor) =>
        visitor.visit((session) => void (session.n = (session.n ?? 0) + 1)),
      ),
    )
  const seen = await Promise.all(visitors.map((visitor) => visitor.visit(({ n }) => n)))
  expect(seen).toEqual(visitors.map(() => 5))
})
