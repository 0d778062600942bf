/**
 * Does every key end? While the tests run, looks at all keys of all servers twice a second and keeps
 * in mind those that have no expiry. Keys that start with `foreign:` belong to others; they may stay.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Cluster, Redis } from 'ioredis'
import type { RedisPorts } from './servers.ts'

const FOREIGN = 'foreign:'
const host = '127.0.0.1'

export interface TtlSampler {
  /** Takes a last sample; resolves to a line for the screen, rejects if a key without an expiry was seen. */
  stop(): Promise<string>
}

/** A server as the sampler sees it; a test may stop it for a while, so a sample can fail. */
interface Watched {
  readonly name: string
  /** The connections to all its masters. */
  masters(): Redis[]
  disconnect(): void
  samples: number
}

export function startTtlSampler(ports: Partial<RedisPorts>, every = 500): TtlSampler {
  const servers = watched(ports)
  const seen = new Set<string>()
  const endless = new Set<string>()
  const stopped = new AbortController()

  async function sample(server: Watched): Promise<void> {
    try {
      const keys = await Promise.all(server.masters().map(async (master) => keysOf(master)))
      for (const [key, ttl] of keys.flat()) {
        seen.add(key)
        if (ttl === -1) endless.add(key)
      }
      server.samples++
    } catch {
      // The server is away or changes its master: the next sample will see it.
    }
  }

  const sampling = servers.map(async (server) => {
    while (!stopped.signal.aborted) {
      await sample(server)
      await pause(every, undefined, { signal: stopped.signal }).catch(() => {})
    }
    await sample(server)
    server.disconnect()
  })

  return {
    async stop() {
      stopped.abort()
      await Promise.all(sampling)
      const blind = servers.filter(({ samples }) => samples === 0).map(({ name }) => name)
      if (blind.length > 0) throw new Error(`ttl sampler: never reached ${blind.join(', ')}`)
      const samples = servers.reduce((sum, server) => sum + server.samples, 0)
      const line = `ttl sampler: ${samples} samples, ${seen.size} keys seen, ${endless.size} without an expiry`
      if (endless.size === 0) return line
      const patterns = new Set([...endless].map((key) => keyPattern(key)))
      throw new Error(
        `${line}: ${[...patterns].join(' ')}. ` +
          'Every key of ours needs an expiry at every instant; a key that stands for the ' +
          `application's own starts with '${FOREIGN}' (foreignPrefix in tests/support/redis.ts).`,
      )
    },
  }
}

function watched(ports: Partial<RedisPorts>): Watched[] {
  const options = {
    commandTimeout: 2000,
    maxRetriesPerRequest: 1,
    retryStrategy: () => 200,
  }
  const servers: Watched[] = []
  function watch(name: string, client: Redis | Cluster): void {
    // A failed command says it; without a listener ioredis prints each error as well.
    client.on('error', () => {})
    servers.push({
      name,
      masters: () => (client instanceof Cluster ? client.nodes('master') : [client]),
      disconnect: () => client.disconnect(),
      samples: 0,
    })
  }
  if (ports.single) watch('single', new Redis({ ...options, host, port: ports.single.port }))
  if (ports.cluster) {
    const nodes = ports.cluster.nodes.map(({ port }) => ({ host, port }))
    watch('cluster', new Cluster(nodes, { redisOptions: options, clusterRetryStrategy: () => 200 }))
  }
  if (ports.sentinel) {
    const { name, sentinels } = ports.sentinel
    const addresses = sentinels.map(({ port }) => ({ host, port }))
    watch(
      'sentinel',
      new Redis({ ...options, sentinels: addresses, name, sentinelRetryStrategy: () => 200 }),
    )
  }
  return servers
}

/** All keys of ours with their PTTL: -1 is a key without an expiry, -2 one that has ended meanwhile. */
async function keysOf(master: Redis): Promise<[key: string, ttl: number][]> {
  const found: [string, number][] = []
  let cursor = '0'
  do {
    const [next, page] = await master.scan(cursor, 'COUNT', 1000)
    const keys = page.filter((key) => !key.startsWith(FOREIGN))
    const replies = await master.pipeline(keys.map((key) => ['pttl', key])).exec()
    for (const [i, key] of keys.entries()) {
      const [error, ttl] = replies?.[i] ?? [new Error('no reply')]
      if (error) throw error
      found.push([key, Number(ttl)])
    }
    cursor = next
  } while (cursor !== '0')
  return found
}

/** A key with everything that may be an id, a handle or a tag replaced by a star. */
function keyPattern(key: string): string {
  return key.replaceAll(/\{[^}]*\}/g, '{*}').replaceAll(/[\w-]{12,}/g, '*')
}
