/** node:http ends the process over an unhandled rejection; a store that is down must not do that. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { withSession } from '../../src/adapters/node.ts'
import { createSessions } from '../../src/index.ts'
import { memoryStore } from '../../src/memory/index.ts'

test('a read that fails is answered with 503 where the listener lets the error pass', async () => {
  const failing = { ...memoryVerbs(), load: () => Promise.reject(new Error('the store is down')) }
  const sessions = createSessions({ store: failing })
  const origin = await serve(
    withSession(sessions, async (request, response) => {
      const session = await sessions.getSession(request)
      response.end(`visit ${await session.increment('visits')}`)
    }),
  )
  const response = await fetch(origin, { headers: { cookie: `sid=${'a'.repeat(46)}` } })
  expect(response.status).toBe(503)
  expect(response.headers.get('retry-after')).toBe('1')
  expect(response.headers.get('set-cookie')).toBeNull()
  expect(await response.text()).toBe('Service Unavailable')
})

test('closed sessions are answered with 503', async () => {
  const sessions = createSessions()
  const origin = await serve(withSession(sessions, (_request, response) => response.end('never')))
  await sessions.close()
  expect((await fetch(origin)).status).toBe(503)
})

test('after the head has left, the connection is cut instead', async () => {
  const failing = { ...memoryVerbs(), load: () => Promise.reject(new Error('the store is down')) }
  const sessions = createSessions({ store: failing })
  const origin = await serve(
    withSession(sessions, async (request, response) => {
      response.write('half of ')
      await sessions.getSession(request)
    }),
  )
  const response = await fetch(origin, { headers: { cookie: `sid=${'a'.repeat(46)}` } })
  await expect(response.text()).rejects.toThrow('terminated')
})

/** A class's verbs live on its prototype; these can be spread. */
function memoryVerbs() {
  const store = memoryStore()
  return {
    load: store.load.bind(store),
    create: store.create.bind(store),
    adopt: store.adopt.bind(store),
    pin: store.pin.bind(store),
    update: store.update.bind(store),
    increment: store.increment.bind(store),
    touch: store.touch.bind(store),
    regenerate: store.regenerate.bind(store),
    end: store.end.bind(store),
    claim: store.claim.bind(store),
    users: store.users,
    references: store.references,
    activity: store.activity,
    revocations: store.revocations,
    close: store.close.bind(store),
  }
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
