/** Where are the Redis servers of this test run, and which keys may this test use there? */
import { randomBytes } from 'node:crypto'
import { basename } from 'node:path'
import { expect, inject } from 'vitest'

export interface Address {
  readonly host: string
  readonly port: number
  readonly url: string
}

export interface RedisServers {
  readonly single: Address
  readonly cluster: { readonly nodes: readonly Address[] }
  readonly sentinel: { readonly name: string; readonly sentinels: readonly Address[] }
}

/** The servers that the run has started: one, a cluster of 3 + 3, a sentinel group of 1 + 2. */
export function redisServers(): RedisServers {
  const ports = inject('redis')
  if (!ports) {
    throw new Error('this file runs without servers: see withoutServers in vitest.config.ts')
  }
  const { single, cluster, sentinel } = ports
  return {
    single: address(single),
    cluster: { nodes: cluster.nodes.map(address) },
    sentinel: { name: sentinel.name, sentinels: sentinel.sentinels.map(address) },
  }
}

/** A key prefix that no other test uses; begins with the name of the test file. */
export function freshPrefix(): string {
  const file = basename(expect.getState().testPath ?? 'test', '.test.ts')
  return `${file}:${randomBytes(4).toString('hex')}:`
}

/** The same for a test that makes keys without an expiry on purpose; the TTL sampler leaves them alone. */
export function foreignPrefix(): string {
  return `foreign:${freshPrefix()}`
}

function address({ port }: { port: number }): Address {
  return { host: '127.0.0.1', port, url: `redis://127.0.0.1:${port}` }
}
