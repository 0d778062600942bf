/** A connection that a test can look into: in how many round trips it was asked, and whether all is answered. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Cluster, Redis } from 'ioredis'
import type { CallClient } from '../../src/redis/driver.ts'

export interface TrackedClient {
  readonly client: CallClient
  /** Since the last call. Commands sent while others are not answered yet share their round trip. */
  rounds(): number
  /** Resolves when everything is answered and nothing follows from it. */
  idle(): Promise<void>
}

export function trackedClient(redis: Redis | Cluster): TrackedClient {
  let pending = 0
  let rounds = 0
  const client = {
    isCluster: redis.isCluster,
    async call(command: string, args: string[]): Promise<unknown> {
      if (pending === 0) rounds++
      pending++
      try {
        return await redis.call(command, args)
      } finally {
        pending--
      }
    },
  }
  return {
    client,
    rounds: () => {
      const counted = rounds
      rounds = 0
      return counted
    },
    idle: async () => {
      // What follows from a reply is sent a turn later at most.
      for (let quiet = 0; quiet < 3; quiet++) {
        await turn()
        if (pending > 0) quiet = -1
      }
    },
  }
}
