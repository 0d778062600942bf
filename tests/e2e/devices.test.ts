/** What a sign-in keeps of the device, over real connections and in front of every framework. */
import { describe, expect, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { browser } from './support/browser.ts'
import type { Data } from './support/frameworks.ts'
import { guarded } from './support/guarded.ts'
import type { Guarded } from './support/guarded.ts'

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'

async function signIn({ serve }: Guarded, headers: Record<string, string>, proxied = false) {
  const sessions = createSessions<Data>({ cookie: { secure: false } })
  const ada = await browser(await serve({ sessions, proxied }))
  const own = { 'user-agent': firefox, 'sec-fetch-site': 'same-origin' }
  const { text } = await ada.post('/sign-in', { headers: { ...own, ...headers } })
  const device: unknown = JSON.parse(text)
  const page = await sessions.user('ada').list()
  expect(page.sessions.map((entry) => entry.device)).toEqual([device])
  return device
}

describe.each(guarded)('$name', (framework) => {
  const label = 'Firefox on Linux'
  const isFetch = framework.name === 'Fetch'
  const local = isFetch ? { label } : { label, ip: '127.0.0.1' }

  test('keeps browser, system and address of the device that signs in', async () => {
    expect(await signIn(framework, {})).toEqual(local)
  })

  test('does not believe the client what address it has', async () => {
    const forged = { 'x-forwarded-for': '192.0.2.1', forwarded: 'for=192.0.2.1' }
    expect(await signIn(framework, forged)).toEqual(local)
  })

  test.runIf(framework.knowsProxies)('believes the proxy that the framework believes', async () => {
    const forwarded = { 'x-forwarded-for': '192.0.2.1' }
    expect(await signIn(framework, forwarded, true)).toEqual({ label, ip: '192.0.2.1' })
    const nonsense = { 'x-forwarded-for': '<b>nowhere</b>' }
    expect(await signIn(framework, nonsense, true)).toEqual({ label })
  })

  test.runIf(isFetch)('asks the option ip, because a Request does not say', async () => {
    expect(await signIn(framework, { 'x-real-ip': '192.0.2.1' })).toEqual({
      label,
      ip: '192.0.2.1',
    })
  })
})
