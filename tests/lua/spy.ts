/**
 * A Redis client whose scripts tell what they write. The scripts run as they are, on a real server;
 * around them, `redis.call` notes each SET and keeps the key long enough to be looked at.
 */
import { Redis } from 'ioredis'
import type { CallClient } from '../../src/redis/driver.ts'
import * as scripts from '../../src/redis/scripts.generated.ts'

export interface Written {
  readonly document: string
  /** Milliseconds, as the script set it. */
  readonly ttl: number
}

export interface SpyClient extends CallClient {
  /** What scripts wrote to a key since the last call. */
  written(key: string): readonly Written[]
  disconnect(): void
}

const LONG = 600_000

function spying(source: string): string {
  return `
local real, written = redis, {}
local function noting(run)
  return function(command, key, document, px, ttl)
    if command ~= 'SET' then return run(command, key) end
    written[#written + 1] = { key, document, px, tostring(ttl) }
    return run(command, key, document, px, '${LONG}')
  end
end
local redis = { call = noting(real.call), pcall = noting(real.pcall) }
local function operation()
${source}
end
local reply = operation()
return { reply, written }`
}

export function spyClient(port: number): SpyClient {
  const redis = new Redis({ port, enableAutoPipelining: true })
  const sources = new Map(Object.values(scripts).map(({ sha1, source }) => [sha1, spying(source)]))
  const notes = new Map<string, Written[]>()
  return {
    async call(command, args) {
      if (command !== 'evalsha') return redis.call(command, args)
      const [digest = '', ...rest] = args
      const source = sources.get(digest)
      if (source === undefined) throw new Error('a script that is not one of ours')
      const [reply, written] = (await redis.call('EVAL', [source, ...rest])) as [
        unknown,
        [string, string, string, string][],
      ]
      for (const [key, document, px, ttl] of written) {
        if (px !== 'PX') throw new Error(`${key} was written without an end`)
        notes.set(key, [...(notes.get(key) ?? []), { document, ttl: Number(ttl) }])
      }
      return reply
    },
    written(key) {
      const taken = notes.get(key) ?? []
      notes.delete(key)
      return taken
    },
    disconnect: () => redis.disconnect(),
  }
}
