import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { startRedis } from '../../tools/redis/start.mjs'
import { clientRows } from '../support/clients.ts'
import { freshPrefix, redisServers } from '../support/redis.ts'
import { Visitor } from '../support/visitor.ts'
async function ports(servers: string) {
  const { single, cluster, sentinel } = redisServers()
  if (servers === 'single') return [single.port]
  if (servers === 'cluster') return cluster.nodes.map(({ port }) => port)
  const one = new Redis({ port: sentinel.sentinels[0]!.port })
  const m = (await one.call('SENTINEL', ['MASTER', sentinel.name])) as string[]
  const r = (await one.call('SENTINEL', ['REPLICAS', sentinel.name])) as string[][]
  one.disconnect()
  return [...[m, ...r].map((f) => Number(f[f.indexOf('port') + 1])), ...sentinel.sentinels.map(s => s.port)]
}
test.each(clientRows)('$title', async (row) => {
  const controls = (await ports(row.title.split(', ')[1]!)).map((port) => new Redis({ port }))
  const total = async () => (await Promise.all(controls.map(async (c) => ((await c.client('LIST')) as string).split('\n').filter((l) => /cmd=/.test(l)).length))).reduce((a, b) => a + b, 0)
  const { client, close } = await row.connect()
  const s = createSessions({ store: redisStore({ client, prefix: freshPrefix() }), storeTimeout: '5s' })
  for (let i = 0; i < 50; i++) await new Visitor(s).visit((x) => x.save())
  await new Promise((r) => setTimeout(r, 300))
  const before = await total()
  const t = performance.now()
  await s.listen()
  const took = performance.now() - t
  await new Promise((r) => setTimeout(r, 300))
  const during = await total()
  await s.close()
  await new Promise((r) => setTimeout(r, 300))
  console.log(row.title, 'listening', during - before, 'after', (await total()) - before, 'ms', took.toFixed(0))
  await close()
  controls.forEach((c) => c.disconnect())
})
