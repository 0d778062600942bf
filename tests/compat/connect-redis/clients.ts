/** The clients that connect-redis has taken and handstamp's own store does not, and the rows of all. */
import { createClient as createClient6 } from 'redis'
import { createClient as createClient3 } from 'redis3'
import { createClient as createClient4, createCluster as createCluster4 } from 'redis4'
import { createClient as createClient5 } from 'redis5'
import { clientRows } from '../../support/clients.ts'
import type { ConnectedClient } from '../../support/clients.ts'
import { redisServers } from '../../support/redis.ts'

export interface Row {
  readonly title: string
  connect(): Promise<Pick<ConnectedClient, 'close'> & { client: object }>
}

const url = (): string => redisServers().single.url

/** For `describe.each(rows)('$title', …)`. */
export const rows: readonly Row[] = [
  ...clientRows,
  { title: 'redis 3', connect: connectRedis3 },
  { title: 'redis 4, single', connect: connectRedis4 },
  {
    title: 'redis 4, cluster',
    async connect() {
      const rootNodes = redisServers().cluster.nodes.map((node) => ({ url: node.url }))
      const client = createCluster4({ rootNodes })
      client.on('error', () => {})
      await client.connect()
      return { client, close: () => client.disconnect() }
    },
  },
  {
    title: 'redis 4, legacyMode',
    async connect() {
      const client = createClient4({ url: url(), legacyMode: true })
      client.on('error', () => {})
      await client.connect()
      return { client, close: () => client.disconnect() }
    },
  },
  {
    title: 'redis 5, legacy()',
    async connect() {
      const client = createClient5({ url: url() })
      await client.connect()
      return { client: client.legacy(), close: async () => client.destroy() }
    },
  },
  {
    title: 'redis 6, legacy()',
    async connect() {
      const client = createClient6({ url: url() })
      await client.connect()
      return { client: client.legacy(), close: async () => client.destroy() }
    },
  },
]

export async function connectRedis3(): Promise<{ client: object; close(): Promise<void> }> {
  const { host, port } = redisServers().single
  const client = createClient3({ host, port })
  client.on('error', () => {})
  return { client, close: async () => void client.end(false) }
}

export async function connectRedis4(): Promise<{ client: object; close(): Promise<void> }> {
  const client = createClient4({ url: url() })
  client.on('error', () => {})
  await client.connect()
  return { client, close: () => client.disconnect() }
}
