/** Starts the Redis servers of a test run, and watches that every key on them has an expiry and that they see no id. */
import type { TestProject } from 'vitest/node'
import { startRedis } from '../../tools/redis/start.mjs'
import { addRestrictedUser } from './restricted-user.ts'
import { watchForSecrets } from './secret-scanner.ts'
import { startTtlSampler } from './ttl-sampler.ts'

/** Ports on 127.0.0.1. */
export interface RedisPorts {
  single: { port: number }
  cluster: { nodes: { port: number }[] }
  sentinel: { name: string; sentinels: { port: number }[] }
}

declare module 'vitest' {
  interface ProvidedContext {
    redis: RedisPorts
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { single, cluster, sentinel, stop } = await startRedis({
    single: true,
    cluster: true,
    sentinel: true,
  })
  const ports: RedisPorts = { single, cluster, sentinel }
  const sampler = startTtlSampler(ports)
  const nodes = [single, ...cluster.nodes].map(({ port }) => port)
  // Tests have prefixes of their own.
  for (const port of nodes) await addRestrictedUser(port, '?')
  const scanner = await watchForSecrets(nodes)
  project.provide('redis', ports)
  return async () => {
    try {
      console.log(await sampler.stop())
      console.log(await scanner.stop())
    } catch (error) {
      // Vitest prints an error of a teardown, but would end with code 0.
      process.exitCode = 1
      throw error
    } finally {
      await stop()
    }
  }
}
