/** The demo, walked through as its user would: `npm start` runs the same file. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../tools/redis/port.mjs'
import { Walker } from '../support/walker.ts'
import type { Page } from '../support/walker.ts'
import { buildPackage } from '../support/built-package.ts'
import type { BuiltPackage } from '../support/built-package.ts'
import { redisServers } from '../support/redis.ts'
import { runToEnd, startServer } from '../support/server-process.ts'
import type { ServerProcess } from '../support/server-process.ts'

let built: BuiltPackage
beforeAll(() => {
  built = buildPackage()
})
afterAll(() => built.remove())

const file = (): string => join(built.folder, 'examples/demo/server.js')

async function start(
  env: Record<string, string>,
  options: Parameters<typeof startServer>[2] = {},
): Promise<ServerProcess> {
  const demo = await startServer(file(), env, options)
  onTestFinished(demo.end)
  return demo
}

describe.each(['memory', 'Redis'])('the demo with its sessions in %s', (place) => {
  const env = (): Record<string, string> =>
    place === 'Redis' ? { REDIS_URL: redisServers().single.url } : {}

  test('says where it is and where it keeps sessions', async () => {
    const demo = await start(env())
    const where = place === 'Redis' ? 'Redis at 127.0.0.1:' : 'the memory of this process'
    expect(demo.output()).toContain(`http://localhost:${demo.port} (sessions in ${where}`)
    expect((await new Walker(demo.origin).get('/')).text).toContain(`sessions in ${where}`)
  })

  test('remembers visits, cart and stamps', async () => {
    const ada = new Walker((await start(env())).origin)
    expect(held(await ada.get('/'))).toEqual({ views: 1 })
    expect(held(await ada.get('/'))).toEqual({ views: 2 })
    await ada.post('/cart', { sku: 'ink', change: 'add' })
    await ada.post('/cart', { sku: 'book', change: 'add' })
    await ada.post('/cart', { sku: 'ink', change: 'add' })
    const page = await ada.post('/cart', { sku: 'book', change: 'remove' })
    expect(page.text).toContain('taken out of the cart')
    expect(held(page)).toEqual({ views: 6, cart: { ink: 2 } })
    await Promise.all(Array.from({ length: 20 }, () => ada.post('/stamps')))
    expect(held(await ada.get('/'))).toMatchObject({ stamps: 20 })
  })

  test('signing in changes the id and keeps the data; the old id opens nothing', async () => {
    const demo = await start(env())
    const ada = new Walker(demo.origin)
    await ada.post('/cart', { sku: 'ink', change: 'add' })
    const before = await ada.cookie('demo-sid')
    const page = await ada.post('/sign-in', { name: '<b>Ada & "Co"</b>' })
    const after = await ada.cookie('demo-sid')
    expect(after).toMatch(/^[\w-]{46}$/)
    expect(after).not.toBe(before)
    expect(held(page)).toMatchObject({ cart: { ink: 1 } })
    expect(page.text).toContain('Good to see you, &#60;b&#62;Ada')
    expect(page.text).not.toContain('<b>Ada')

    const old = await fetch(demo.origin, { headers: { cookie: `demo-sid=${before}` } })
    expect(old.status).toBe(409)
    expect(old.headers.get('set-cookie')).toBeNull()
  })

  test('signing out ends the session', async () => {
    const demo = await start(env())
    const ada = new Walker(demo.origin)
    await ada.post('/sign-in', { name: 'Ada' })
    const signedIn = await ada.cookie('demo-sid')
    const page = await ada.post('/sign-out')
    expect(page.text).toContain('Signed out.')
    expect(held(page)).toEqual({ views: 1 })
    expect(await ada.cookie('demo-sid')).not.toBe(signedIn)
    const old = await fetch(demo.origin, { headers: { cookie: `demo-sid=${signedIn}` } })
    expect(old.status).toBe(409)
    expect(await old.text()).not.toContain('Ada')
  })

  test('"remember me" makes the cookie and the session last longer', async () => {
    const demo = await start(env())
    const lines = async (form: Record<string, string>): Promise<string[]> => {
      const response = await fetch(new URL('/sign-in', demo.origin), {
        method: 'POST',
        body: new URLSearchParams(form),
        headers: { origin: demo.origin },
        redirect: 'manual',
      })
      return response.headers.getSetCookie()
    }
    expect((await lines({ name: 'Ada' })).join()).not.toContain('Max-Age')
    const [line = ''] = await lines({ name: 'Ada', remember: 'on' })
    const days = Number(/Max-Age=(\d+)/.exec(line)?.[1]) / 86_400
    expect(days).toBeGreaterThan(29)
    expect(days).toBeLessThanOrEqual(30)
  })

  test('a restart ends the sessions in memory and none in Redis', async () => {
    const first = await start(env())
    const ada = new Walker(first.origin)
    await ada.post('/cart', { sku: 'stamp', change: 'add' })
    await ada.post('/sign-in', { name: 'Ada' })
    await first.end()
    await start(env(), { port: first.port })
    expect(held(await ada.get('/'))).toMatchObject(
      place === 'Redis' ? { views: 3, cart: { stamp: 1 } } : { views: 1 },
    )
  })

  test("a handle of somebody else's session signs nobody out", async () => {
    const demo = await start(env())
    const [ada, bob, nobody] = [demo, demo, demo].map(({ origin }) => new Walker(origin))
    const page = await ada!.post('/sign-in', { name: 'Ada' })
    const [, handle = ''] = /data-handle="([\w-]{25})"/.exec(page.text) ?? []
    await bob!.post('/sign-in', { name: 'Bob' })
    for (const wrong of [handle, handle.slice(1), 'x', '']) {
      const answer = await bob!.post('/devices/sign-out', { handle: wrong })
      expect(answer.text).toContain('That session had ended already.')
      await nobody!.post('/devices/sign-out', { handle: wrong })
    }
    await nobody!.post('/devices/sign-out-others')
    expect((await ada!.get('/')).text).toContain('Good to see you, Ada')
  })

  test('a user who signs in once more than there may be devices loses the session that began first', async () => {
    const demo = await start(env())
    const name = `Ada at ${demo.port} ${Date.now()}`
    const browsers = Array.from({ length: 9 }, () => new Walker(demo.origin))
    for (const browser of browsers) await browser.post('/sign-in', { name })
    const pages = await Promise.all(browsers.map((browser) => browser.get('/')))
    const isIn = pages.map(({ text }) => text.includes('Good to see you'))
    expect(isIn).toEqual([false, ...Array.from({ length: 8 }, () => true)])
  })
})

describe('the demo', () => {
  test('never shows the id, and nothing of the page is inline', async () => {
    const demo = await start({})
    const ada = new Walker(demo.origin)
    const page = await ada.post('/sign-in', { name: 'Ada' })
    expect(page.text).not.toContain(await ada.cookie('demo-sid'))
    expect(page.text).toMatch(/<code>[\w-]{25}<\/code>/)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(page.text).not.toMatch(/ style=|<style| on\w+=|<script(?! src)/)
    const stranger = new Walker(demo.origin)
    for (const asset of ['/style.css', '/script.js', '/favicon.svg'])
      expect(await stranger.get(asset)).toMatchObject({ status: 200 })
    expect(await stranger.cookie('demo-sid')).toBeUndefined()
  })

  test.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling subdomain', { 'sec-fetch-site': 'same-site' }],
    ['another origin, in a browser without fetch metadata', { origin: 'http://example.org' }],
    ['nobody knows where', {}],
  ])('a form from %s is refused', async (_, headers: Record<string, string>) => {
    const demo = await start({})
    const response = await fetch(new URL('/stamps', demo.origin), { method: 'POST', headers })
    expect(response.status).toBe(403)
    expect(response.headers.get('set-cookie')).toBeNull()
  })

  test('forms that are too large, of another type or about other goods are refused', async () => {
    const demo = await start({})
    const ada = new Walker(demo.origin)
    expect((await ada.post('/sign-in', { name: 'a'.repeat(3000) })).status).toBe(413)
    expect((await ada.post('/sign-in', { name: ' ' })).status).toBe(400)
    expect((await ada.post('/cart', { sku: '__proto__', change: 'add' })).status).toBe(400)
    const json = await fetch(new URL('/cart', demo.origin), {
      method: 'POST',
      body: '{}',
      headers: { origin: demo.origin, 'content-type': 'application/json' },
    })
    expect(json.status).toBe(415)
    expect((await ada.get('/nowhere')).status).toBe(404)
  })

  test('without an answer of Redis the page says so and the cookie stays', async () => {
    const url = `redis://user:hush@127.0.0.1:${await freePort()}`
    const demo = await start({ REDIS_URL: url }, { hasStore: false })
    const cookie = `demo-sid=${'a'.repeat(46)}`
    const response = await fetch(demo.origin, { headers: { cookie } })
    expect(response.status).toBe(503)
    expect(response.headers.get('set-cookie')).toBeNull()
    expect(await response.text()).toContain('The session store does not answer')
    expect(demo.output()).toMatch(/ERR_STORE/)
    expect(demo.output()).not.toContain('hush')
  })

  test('says what to do when it cannot start', async () => {
    const { port } = await start({})
    const second = await runToEnd(file(), { PORT: String(port) })
    expect(second).toEqual({
      code: 1,
      output: `Port ${port} is taken. Choose another one: PORT=3001 npm start\n`,
    })
    expect(await runToEnd(file(), { PORT: 'http' })).toMatchObject({
      code: 1,
      output: expect.stringContaining('PORT must be a number') as string,
    })
    expect(await runToEnd(file(), { REDIS_URL: 'localhost:6379' })).toMatchObject({
      code: 1,
      output: expect.stringContaining('redis://localhost:6379') as string,
    })
  })
})

/** The session's data, from the page that shows them. */
function held({ text }: Pick<Page, 'text'>): unknown {
  const [, json = ''] = /<pre[^>]*>(.*?)<\/pre>/s.exec(text) ?? []
  return JSON.parse(
    json.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code))),
  )
}
