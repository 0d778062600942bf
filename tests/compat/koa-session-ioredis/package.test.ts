/** The package as applications load it, in processes of their own. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildPackage } from '../../support/built-package.ts'
import type { BuiltPackage } from '../../support/built-package.ts'
import { redisServers } from '../../support/redis.ts'
import { runToEnd } from '../../support/server-process.ts'

const OURS = 'handstamp/compat/koa-session-ioredis'

let built: BuiltPackage
beforeAll(() => {
  built = buildPackage()
})
afterAll(() => built.remove())

async function run(name: string, program: string, env: Record<string, string> = {}) {
  const file = join(built.folder, name)
  writeFileSync(file, program)
  return runToEnd(file, env)
}

test.each(['koa-session-ioredis', 'koa-redis', OURS])(
  'require(%j) gives the function itself',
  async (name) => {
    const program = `
    const redisStore = require(${JSON.stringify(name)})
    const stores = [redisStore({ lazyConnect: true }), new redisStore({ lazyConnect: true })]
    console.log(typeof redisStore, ...stores.map((store) => store instanceof redisStore))`
    expect(await run('require.cjs', program)).toEqual({ code: 0, output: 'function true true\n' })
  },
)

test('import gives it as the default', async () => {
  const program = `
    import redisStore from '${OURS}'
    console.log(redisStore({ lazyConnect: true }).status)`
  expect(await run('import.mjs', program)).toEqual({ code: 0, output: 'wait\n' })
})

describe('the process', () => {
  // What the application asks for is handled; what the store asks for itself ends the process, or not.
  const programs = {
    'with db while Redis is away': `
      const store = redisStore({ port: 1, db: 1, maxRetriesPerRequest: 1, retryStrategy: () => 1 })
      store.get('k').catch(() => setImmediate(survived))`,
    'with db on a Cluster': `
      try {
        const store = redisStore({ isRedisCluster: true, nodes: [{ port: process.env.NODE }], db: 1 })
        setTimeout(survived, 20_000)
      } catch ({ code }) {
        // Nothing is left open: the process ends by itself.
        console.log(code)
      }`,
  }
  const start = (name: string, program: string) =>
    run(
      'process.cjs',
      `const redisStore = require(${JSON.stringify(name)})
      const survived = (how = 'survived') => {
        console.log(how)
        process.exit(0)
      }
      ${program}`,
      { NODE: String(redisServers().cluster.nodes[0]!.port) },
    )

  test.each(Object.entries(programs))('ends with koa-redis 4.0.1 %s', async (_, program) => {
    const { code, output } = await start('koa-redis', program)
    expect(code).toBe(1)
    expect(output).toMatch(/MaxRetriesPerRequestError|SELECT is not allowed in cluster mode/)
  })

  test('does not end here with db while Redis is away', async () => {
    const [away] = Object.values(programs)
    expect(await start(OURS, away!)).toEqual({ code: 0, output: 'survived\n' })
  })

  test('does not end here with db on a Cluster: the option is refused', async () => {
    const [, cluster] = Object.values(programs)
    expect(await start(OURS, cluster!)).toEqual({ code: 0, output: 'ERR_OPTION\n' })
  })
})
