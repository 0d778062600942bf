/** What still can be done for a session when the head of its response has left, or the client has. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { barrier } from './support/barrier.ts'
import { browser, connectTo } from './support/browser.ts'
import { rawFrameworks, rawSite, roundTrip } from './support/raw-frameworks.ts'
import type { RawFramework, RawHandler, RawSite } from './support/raw-frameworks.ts'
import { rawSocket, requestText, statusesOf } from './support/raw-socket.ts'

/** `/in` gives the visitor a session, `/read` tells what is in it. */
async function member(
  framework: RawFramework,
  handler: RawHandler,
): Promise<RawSite & { readonly cookie: string }> {
  const site = await rawSite(framework, (response, session, request) => {
    if (request.url === '/read') return response.end(`${session?.user} ${session?.note}`)
    if (request.url !== '/in') return handler(response, session, request)
    if (session) session.user = 'ann'
    return response.end('welcome')
  })
  const visitor = await browser(site.server)
  await visitor.get('/in')
  return { ...site, cookie: visitor.cookieFor() }
}

async function read({ server }: RawSite, cookie: string): Promise<string> {
  return (await (await connectTo(server)).send('/read', { headers: { cookie } }).answer).text
}

describe.each(rawFrameworks.map((framework) => ({ framework, name: framework.name })))(
  '$name',
  ({ framework }) => {
    const isHttp1 = framework.protocol === 'http1'

    test('a change after the head left is saved before the response ends', async () => {
      const site = await member(framework, (response, session) => {
        response.write('one')
        if (session) session.note = 'late'
        response.end('two')
      })
      const { store, server, cookie } = site
      const hold = store.hold()
      let isComplete = false
      const exchange = (await connectTo(server)).send('/', { headers: { cookie } })
      const answer = exchange.answer.finally(() => (isComplete = true))
      await exchange.head
      await hold.reached
      await roundTrip(server)
      expect(isComplete).toBe(false)
      hold.release()
      expect((await answer).text).toBe('onetwo')
      expect(await read(site, cookie)).toBe('ann late')
    })

    test('if that save fails the client can tell that the response is not complete', async () => {
      const arrived = barrier()
      const site = await member(framework, async (response, session) => {
        response.write('one')
        await arrived.passed
        if (session) session.note = 'late'
        response.end('two')
      })
      const { store, server, cookie } = site
      store.fail('update')
      const exchange = (await connectTo(server)).send('/', { headers: { cookie } })
      await exchange.head
      arrived.open()
      await expect(exchange.answer).rejects.toThrow(/aborted|closed/i)
      store.heal()
      await roundTrip(server)
      expect(await read(site, cookie)).toBe('ann undefined')
    })

    test('a session that begins after the head left is dropped, and an event says so', async () => {
      const { store, sessions, server } = await rawSite(framework, (response, session) => {
        response.write('one')
        if (session) session.note = 'late'
        response.end('two')
      })
      const reasons: string[] = []
      sessions.events.on('dropped', ({ reason }) => reasons.push(reason))
      const answer = await (await connectTo(server)).send('/').answer
      expect([answer.text, answer.cookies]).toEqual(['onetwo', []])
      expect(reasons).toEqual(['head-sent'])
      expect(await store.keys()).toEqual([])
    })

    test('a new id after the head left is refused, and the old one stays good', async () => {
      const site = await member(framework, async (response, session) => {
        response.write('one')
        const outcome = await session
          ?.regenerate({ keepData: true })
          .catch((error: unknown) => error)
        response.end((outcome as { code: string }).code)
      })
      const { server, cookie } = site
      const answer = await (await connectTo(server)).send('/', { headers: { cookie } }).answer
      expect(answer.text).toBe('oneERR_HEAD_SENT')
      expect(await read(site, cookie)).toBe('ann undefined')
    })

    test('a logout after the head left ends the session, though the cookie stays', async () => {
      const site = await member(framework, async (response, session) => {
        response.write('one')
        await session?.destroy()
        response.end('two')
      })
      const { server, cookie } = site
      const answer = await (await connectTo(server)).send('/', { headers: { cookie } }).answer
      expect([answer.text, answer.cookies]).toEqual(['onetwo', []])
      expect(await read(site, cookie)).toBe('undefined undefined')
    })

    const answers: [title: string, answer: (response: ServerResponse) => void][] = [
      ['ends', (response) => void response.end('what it asked for')],
      [
        'writes',
        (response) => {
          response.writeHead(200, { 'X-Kind': 'chunks' })
          response.write('what')
          response.end('it asked for')
        },
      ],
    ]

    test.each(answers)(
      'a client that goes away while a handler %s gets its session saved all the same',
      async (_, answer) => {
        const gone = barrier()
        const { store, sessions, server } = await rawSite(framework, (response, session) => {
          response.on('close', () => gone.open())
          if (session) session.user = 'ann'
          answer(response)
        })
        const hold = store.hold()
        const created = once(sessions.events, 'created')
        const exchange = (await connectTo(server)).send('/')
        await hold.reached
        exchange.abort()
        await gone.passed
        hold.release()
        await created
        expect(await store.keys()).toHaveLength(1)
        await roundTrip(server)
        expect(server.errors).toEqual([])
      },
    )

    test('a client that goes away while the save is failing harms nobody', async () => {
      const gone = barrier()
      const { store, sessions, server } = await rawSite(framework, (response, session) => {
        response.on('close', () => gone.open())
        if (session) session.user = 'ann'
        response.write('one')
        response.end('two')
      })
      const hold = store.hold()
      const failed = once(sessions.events, 'storeFailed')
      const exchange = (await connectTo(server)).send('/')
      await hold.reached
      exchange.abort()
      await gone.passed
      store.fail('create')
      hold.release()
      await failed
      store.heal()
      await roundTrip(server)
      expect(store.calls).toContain('create')
    })

    test('a handler that answers a client who has gone already saves its session', async () => {
      const reached = barrier()
      const { store, sessions, server } = await rawSite(framework, async (response, session) => {
        const gone = once(response, 'close')
        reached.open()
        await gone
        if (session) session.user = 'ann'
        response.writeHead(200)
        response.write('one')
        response.end('two')
      })
      const created = once(sessions.events, 'created')
      const exchange = (await connectTo(server)).send('/')
      await reached.passed
      exchange.abort()
      await created
      await roundTrip(server)
      expect(await store.keys()).toHaveLength(1)
    })

    test.runIf(isHttp1)(
      'requests sent at once are answered in their order, the held one first',
      async () => {
        const { store, server } = await rawSite(framework, (response, session) => {
          if (session) session.user = 'ann'
          response.end('first')
        })
        const hold = store.hold()
        const socket = await rawSocket(server)
        socket.write(requestText('/') + requestText('/ping', ['Connection: close']))
        await hold.reached
        await roundTrip(server)
        expect(socket.received()).toBe('')
        hold.release()
        const text = await socket.closed
        expect(statusesOf(text)).toEqual([200, 200])
        expect(text.indexOf('first')).toBeLessThan(text.indexOf('pong'))
      },
    )
  },
)
