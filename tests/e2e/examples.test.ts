/** Each example is a program that runs: a visitor walks through it as through a site. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Walker } from '../support/walker.ts'
import { buildPackage } from '../support/built-package.ts'
import type { BuiltPackage } from '../support/built-package.ts'
import { redisServers } from '../support/redis.ts'
import { startServer } from '../support/server-process.ts'

let built: BuiltPackage
beforeAll(() => {
  built = buildPackage()
})
afterAll(() => built.remove())

describe.each(['koa', 'express', 'connect', 'node', 'fetch'])('examples/%s.js', (name) => {
  test('counts the visits of each visitor and leaves no key without an end', async () => {
    const open = name === 'fetch' ? await load(name) : await serve(name)
    const ada = open()
    expect(await ada.get('/')).toMatchObject({ status: 200, text: 'visit 1\n' })
    expect(await ada.get('/')).toMatchObject({ status: 200, text: 'visit 2\n' })
    expect((await open().get('/')).text).toBe('visit 1\n')
    expect((await open().get('/favicon.ico')).status).toBe(404)
    expect((await ada.get('/')).text).toBe('visit 3\n')
    expect(await ttlOfNewestKey()).toBeGreaterThan(0)
  })
})

async function serve(name: string): Promise<() => Walker> {
  const { url } = redisServers().single
  const server = await startServer(join(built.folder, 'examples', `${name}.js`), { REDIS_URL: url })
  onTestFinished(server.end)
  return () => new Walker(server.origin)
}

/** The one that has no server of its own. */
async function load(name: string): Promise<() => Walker> {
  process.env['REDIS_URL'] = redisServers().single.url
  const file = pathToFileURL(join(built.folder, 'examples', `${name}.js`)).href
  const app = (await import(/* @vite-ignore */ file)) as {
    default: { fetch(request: Request): Promise<Response> }
  }
  return () => new Walker('http://localhost', app.default.fetch)
}

/** The examples use the prefix that users get. */
async function ttlOfNewestKey(): Promise<number> {
  const client = new Redis(redisServers().single.url)
  onTestFinished(() => client.disconnect())
  const [key] = await client.keys('hs:*')
  return key === undefined ? -2 : client.pttl(key)
}
