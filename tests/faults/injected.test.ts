/** Every error that a Redis may answer with instead of doing what it was asked. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { describe, expect, onTestFinished, test } from 'vitest'
import { session as onKoa } from '../../src/adapters/koa.ts'
import type { Sessions } from '../../src/index.ts'
import { Visitor } from '../support/visitor.ts'
import { damage, diceOf } from './dice.js'
import { clients, siteThrough } from './sessions-through.ts'
import type { Data, Site } from './sessions-through.ts'

const lines = [
  "-READONLY You can't write against a read only replica.",
  '-LOADING Redis is loading the dataset in memory',
  '-MOVED 1 127.0.0.1:1',
  '-ASK 1 127.0.0.1:1',
  '-TRYAGAIN Multiple keys request during rehashing of slot',
  '-CLUSTERDOWN The cluster is down',
  "-OOM command not allowed when used memory > 'maxmemory'.",
  '-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
  '-NOSCRIPT No matching script. Please use EVAL.',
  '-MISCONF Redis is configured to save RDB snapshots',
  '-MASTERDOWN Link with MASTER is down',
  '-NOPERM this user has no permissions',
  '-ERR something else',
]
const COMMANDS = /^(GET|MGET|EVALSHA|EVAL)$/
const failed = { code: expect.stringMatching(/^ERR_STORE/), status: 503 }

const valueOf = (guest: number): number => 111_111_111 * (guest + 1)

async function guestOf(site: Site): Promise<Visitor<Data>> {
  const visitor = new Visitor<Data>(site.sessions)
  await visitor.visit((session) => void (session.n = 1))
  return visitor
}

/** A shop on Koa, over real HTTP. */
async function shop(sessions: Sessions<Data>): Promise<string> {
  const app = new Koa()
  app.silent = true
  app.use(onKoa(sessions))
  app.use((ctx) => {
    if (ctx.path === '/write') ctx.session.n = 2
    ctx.body = `sold ${String(ctx.session.n)}`
  })
  const listener = app.callback()
  const server = createServer((request, response) => void listener(request, response)).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe.each(clients)('%s', (_, connect) => {
  test.each(lines)(
    '%s is a typed error on read and on write, and no answer of the handler',
    async (line) => {
      const site = await siteThrough(connect)
      const visitor = await guestOf(site)
      const origin = await shop(site.sessions)
      const open = await visitor.request()
      site.proxy.meet(({ name }) => (COMMANDS.test(name) ? { kind: 'reply', line } : undefined))
      await expect(visitor.request()).rejects.toMatchObject(failed)
      open.session.n = 2
      await expect(open.settle()).rejects.toMatchObject(failed)
      expect(open.leave()).toEqual([])
      for (const path of ['/read', '/write']) {
        const headers = { cookie: visitor.cookie! }
        const response = await fetch(origin + path, { headers })
        expect(response.status).toBe(503)
        expect(response.headers.get('set-cookie')).toBeNull()
        expect(await response.text()).not.toContain('sold')
      }
      // Whoever brings no cookie is no matter of Redis.
      expect(await (await fetch(origin)).text()).toBe('sold undefined')
      site.proxy.pass()
      await expect.poll(() => visitor.visit(({ n }) => n).catch(() => 'not yet')).toBe(1)
    },
  )

  test('a script that the server has forgotten is sent again, and nobody notices', async () => {
    const site = await siteThrough(connect)
    const visitor = await guestOf(site)
    let forgotten = 0
    site.proxy.meet(({ name }) => {
      if (name !== 'EVALSHA') return undefined
      forgotten++
      return { kind: 'reply', line: '-NOSCRIPT No matching script. Please use EVAL.' }
    })
    await visitor.visit((session) => void (session.n = 3))
    expect(await visitor.visit(({ n }) => n)).toBe(3)
    expect(forgotten).toBe(1)
  })

  test('replies with damaged bytes end no process and show nobody another session', async () => {
    const site = await siteThrough(connect, { storeTimeout: 100 })
    const guests: Visitor<Data>[] = []
    for (let n = 0; n < 4; n++) {
      const visitor = new Visitor<Data>(site.truth)
      await visitor.visit((session) => void (session.n = valueOf(n)))
      guests.push(new Visitor<Data>(site.sessions, visitor.cookie))
    }
    const isValueOfAny = (n: unknown): boolean => [0, 1, 2, 3].some((other) => n === valueOf(other))
    const dice = diceOf(7)
    site.proxy.meet(({ name }) =>
      COMMANDS.test(name) && dice() < 0.3 ? { kind: 'corrupt', how: damage(dice) } : undefined,
    )
    // Far apart: no damage makes the one from the other.
    const others = new Set<unknown>()
    let answers = 0
    for (let round = 0; round < 15; round++) {
      // A damaged length can make a client wait for the rest of a reply for ever: it needs a new connection.
      if (round % 3 === 0) site.proxy.resetAll()
      await Promise.all(
        guests.map(async (guest, at) => {
          const n = await guest.visit((session) => session.n).catch(() => undefined)
          if (n !== undefined) answers++
          if (n !== valueOf(at) && isValueOfAny(n)) others.add(n)
        }),
      )
    }
    expect(others).toEqual(new Set())
    expect(answers).toBeGreaterThan(0)
    site.proxy.pass()
    site.proxy.resetAll()
    for (const [at, guest] of guests.entries())
      await expect
        .poll(() => guest.visit(({ n }) => n).catch(() => 'not yet'), { timeout: 10_000 })
        .toBe(valueOf(at))
  })
})
