/** "Your devices" on the demo, in a real Chromium: what a session list is for, as its users see it. */
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { buildPackage } from '../support/built-package.ts'
import type { BuiltPackage } from '../support/built-package.ts'
import { redisServers } from '../support/redis.ts'
import { startServer } from '../support/server-process.ts'
import { findChromium, launch } from './support/chromium.ts'
import { Device } from './support/device.ts'

/** Two pages for four are opened in memory; with LONG=1 all of them. */
const isLong = process.env['LONG'] !== undefined

const found = await findChromium()
if ('reason' in found) console.error(`The demo is not tried in a browser: ${found.reason}.`)

describe.skipIf('reason' in found)('the devices of a user, in Chromium', () => {
  let built: BuiltPackage
  let browser: Browser
  beforeAll(async () => {
    built = buildPackage()
    if ('path' in found) browser = await launch(found.path)
  })
  afterAll(async () => {
    await browser.close()
    built.remove()
  })

  async function start(place: string): Promise<() => Promise<Device>> {
    const env: Record<string, string> =
      place === 'Redis' ? { REDIS_URL: redisServers().single.url } : {}
    const demo = await startServer(join(built.folder, 'examples/demo/server.js'), env)
    onTestFinished(demo.end)
    return async () => {
      const context = await browser.newContext()
      onTestFinished(() => context.close())
      const page = await context.newPage()
      const device = new Device(page, demo.origin)
      await device.open()
      return device
    }
  }

  describe.each(['memory', 'Redis'])('with sessions in %s', (place) => {
    test('two browsers see each other; one signs the other out, whose next click finds itself outside', async () => {
      const openBrowser = await start(place)
      const name = uniqueName()
      const [laptop, phone] = [await openBrowser(), await openBrowser()]
      const before = [await laptop.cookie(), await phone.cookie()]
      await laptop.signIn(name)
      await phone.signIn(name, { remember: true })
      expect(await laptop.cookie()).not.toBe(before[0])
      expect(await phone.cookie()).not.toBe(before[1])

      await laptop.open()
      const listed = await laptop.devices()
      expect(listed).toHaveLength(2)
      expect(listed.map(({ isCurrent }) => isCurrent)).toEqual([true, false])
      const own = await phone.devices()
      expect(own.map(({ handle }) => handle)).toEqual(
        listed.map(({ handle }) => handle).toReversed(),
      )
      expect(own.map(({ isCurrent }) => isCurrent)).toEqual([true, false])
      expect(own[0]?.label).toMatch(/Chrom(e|ium) on /)

      const revoked = await phone.cookie()
      await laptop.click('Sign out', 'the other device')
      expect(await laptop.text()).toContain('One session was signed out.')
      expect(await laptop.devices()).toEqual([listed[0]])

      await phone.click('One stamp')
      expect(await phone.isSignedIn()).toBe(false)
      expect(await phone.text()).not.toContain(name)
      expect(await phone.cookie()).not.toBe(revoked)
      await laptop.open()
      expect(await laptop.isSignedIn()).toBe(true)
    })

    test.runIf(place === 'Redis' || isLong)(
      '"everywhere else" leaves one of three, and no other user is concerned',
      async () => {
        const openBrowser = await start(place)
        const name = uniqueName()
        const devices = [await openBrowser(), await openBrowser(), await openBrowser()]
        const stranger = await openBrowser()
        for (const device of devices) await device.signIn(name)
        await stranger.signIn(uniqueName())
        expect(await stranger.devices()).toHaveLength(1)

        const [first, second, third] = devices as [Device, Device, Device]
        await second.open()
        expect(await second.devices()).toHaveLength(3)
        await second.click('Sign out everywhere else')
        expect(await second.text()).toContain('2 sessions were signed out.')
        expect(await second.devices()).toHaveLength(1)
        for (const device of [first, third]) {
          await device.open()
          expect(await device.isSignedIn()).toBe(false)
        }
        await stranger.open()
        expect(await stranger.isSignedIn()).toBe(true)
      },
    )
  })

  test('signing out changes the cookie, and takes the device off the list of the other', async () => {
    const openBrowser = await start('memory')
    const [laptop, phone] = [await openBrowser(), await openBrowser()]
    await laptop.signIn('Ada')
    await phone.signIn('Ada')
    const signedIn = await phone.cookie()
    await phone.click('Sign out', 'this device')
    expect(await phone.text()).toContain('Signed out.')
    expect(await phone.cookie()).not.toBe(signedIn)
    await laptop.open()
    expect(await laptop.devices()).toHaveLength(1)
  })

  test('"remember me" is a cookie that outlives the browser', async () => {
    const openBrowser = await start('memory')
    const [laptop, phone] = [await openBrowser(), await openBrowser()]
    await laptop.signIn('Ada')
    await phone.signIn('Ada', { remember: true })
    const daysLeft = async (device: Device): Promise<number> =>
      ((await device.cookieExpiry()) - Date.now() / 1000) / 86_400
    expect(await laptop.cookieExpiry()).toBe(-1)
    expect(await daysLeft(phone)).toBeGreaterThan(29)
    expect(await daysLeft(phone)).toBeLessThanOrEqual(30)
  })

  test('a form on another port of the same host, which the browser sends with the cookie, ends nothing', async () => {
    const openBrowser = await start('memory')
    const [laptop, phone] = [await openBrowser(), await openBrowser()]
    await laptop.signIn('Ada')
    await phone.signIn('Ada')
    const { status, sentCookie } = await phone.postFromSibling('/devices/sign-out-others')
    expect({ status, sentCookie }).toEqual({ status: 403, sentCookie: true })
    await laptop.open()
    expect(await laptop.devices()).toHaveLength(2)
  })
})

/** A name that no other test has used on this Redis: the demo signs in whoever says it. */
function uniqueName(): string {
  return `Ada ${Math.random().toString(36).slice(2)}`
}
