/** The examples of the originals' README, with the import changed and nothing else. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../../tools/redis/port.mjs'
import { buildPackage } from '../../support/built-package.ts'
import type { BuiltPackage } from '../../support/built-package.ts'
import { foreignPrefix, freshPrefix, redisServers } from '../../support/redis.ts'
import { runToEnd } from '../../support/server-process.ts'
import byDefault, { RedisSessions as Named } from 'handstamp/compat/redis-sessions'

let built: BuiltPackage
beforeAll(() => {
  built = buildPackage()
})
afterAll(() => built.remove())

/** What a program of CommonJS prints, line by line. */
async function outputOf(program: string): Promise<unknown[]> {
  const file = join(built.folder, 'program.cjs')
  writeFileSync(file, program)
  const env = { PORT: String(redisServers().single.port), NAMESPACE: `${foreignPrefix()}x` }
  const { code, output } = await runToEnd(file, env)
  expect({ code, output }).toMatchObject({ code: 0 })
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line.replaceAll(/"idle":\d/g, '"idle":0')) as unknown)
}

const program = (name: string): string => `
const RedisSessions = require('${name}')
const rs = new RedisSessions({ port: process.env.PORT, namespace: process.env.NAMESPACE })
const app = 'myapp'
const log = (value) => console.log(JSON.stringify(value))
const user = { app, id: 'user1001', ip: '192.168.22.58', ttl: 3600, d: { foo: 'bar', unread_msgs: 34 } }
rs.create(user, function (err, resp) {
  const { token } = resp
  const news = { unread_msgs: 12, last_action: '/read/news', birthday: '2013-08-13' }
  const steps = [
    (next) => rs.set({ app, token, d: news }, next),
    (next) => rs.get({ app, token }, next),
    (next) => rs.set({ app, token, d: { unread_msgs: null, last_action: '/read/msg/2121' } }, next),
    (next) => rs.activity({ app, dt: 600 }, next),
    (next) => rs.soapp({ app, dt: 600 }, next),
    (next) => rs.soid({ app, id: 'user1001' }, next),
    (next) => rs.kill({ app, token }, next),
    (next) => rs.kill({ app, token }, next),
    (next) => rs.get({ app, token }, next),
    (next) => rs.set({ app, token, d: news }, next),
    (next) => rs.create(user, () => rs.killsoid({ app, id: 'user1001' }, next)),
    (next) => rs.create(user, () => rs.killall({ app }, next)),
    (next) => rs.killall({ app }, next),
    (next) => rs.ping(next),
  ]
  const walk = (nth) => {
    if (nth === steps.length) return rs.quit()
    steps[nth]((error, result) => {
      log(error || result)
      walk(nth + 1)
    })
  }
  walk(0)
})
`

test('versions 2.1 and 3: the same program prints the same, with the require changed', async () => {
  const output = await outputOf(program('handstamp/compat/redis-sessions'))
  expect(output).toHaveLength(14)
  expect(output).toEqual(await outputOf(program('redis-sessions3')))
}, 30_000)

test('CommonJS gets the class, and under default too, as TypeScript compiles it', async () => {
  const source = `
    const RedisSessions = require('handstamp/compat/redis-sessions')
    const events = require('node:events')
    console.log(JSON.stringify([typeof RedisSessions, RedisSessions.default === RedisSessions,
      RedisSessions.prototype instanceof events]))`
  expect(await outputOf(source)).toEqual([['function', true, true]])
})

test.each([
  ['handstamp/compat/redis-sessions', 0],
  ['redis-sessions', 1],
])('Redis away at the start: a program with %s ends with %i', async (name, code) => {
  const file = join(built.folder, 'alone.cjs')
  const port = String(await freePort())
  writeFileSync(
    file,
    `const { default: RedisSessions } = require('${name}')
    const rs = new RedisSessions({ port: ${port}, cachetime: 10, host: '127.0.0.1' })
    setTimeout(() => { console.log('alive'); process.exit(0) }, 1000)`,
  )
  expect((await runToEnd(file, {})).code).toBe(code)
})

test('version 4: import, promises and the type of the data', async () => {
  expect(byDefault).toBe(Named)
  const rs = new byDefault<{
    foo: string
    unread_msgs?: number
    last_action?: string
    birthday?: string
  }>({ port: redisServers().single.port, namespace: `${freshPrefix()}x` })
  onTestFinished(() => rs.quit())
  const app = 'myapp'
  const { token } = await rs.create({
    app,
    id: 'user1001',
    ip: '192.168.22.58',
    ttl: 3600,
    d: { foo: 'bar', unread_msgs: 34 },
  })
  await rs.set({ app, token, d: { unread_msgs: null, birthday: '2013-08-13' } })
  const session = await rs.get({ app, token })
  expect(session?.d).toEqual({ foo: 'bar', birthday: '2013-08-13' })
  expect((await rs.activity({ app, deltaTime: 600 })).activity).toBe(1)
  expect((await rs.soapp({ app, deltaTime: 600 })).sessions[0]?.d?.foo).toBe('bar')
  expect(await rs.kill({ app, token })).toEqual({ kill: 1 })
  expect(await rs.get({ app, token })).toBeNull()
  expect(await rs.killall({ app })).toEqual({ kill: 0 })
})

test('a callback that throws is called once, and what it throws is an uncaught exception', async () => {
  const rs = new Named({ port: redisServers().single.port, namespace: `${freshPrefix()}x` })
  onTestFinished(() => rs.quit())
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve))
  try {
    let calls = 0
    const done = (): never => {
      calls++
      throw new Error('of the callback')
    }
    expect(await rs.ping(done)).toBe('PONG')
    expect(await uncaught).toEqual(new Error('of the callback'))
    expect(calls).toBe(1)
  } finally {
    for (const listener of others) process.on('uncaughtException', listener)
  }
})

test('methods can be passed on without their object', async () => {
  const rs = new Named({ port: redisServers().single.port, namespace: `${freshPrefix()}x` })
  const { ping, create, get, quit } = rs
  expect(await ping()).toBe('PONG')
  const { token } = await create({ app: 'myapp', id: 1, ip: '192.0.2.7' })
  expect(await get({ app: 'myapp', token })).toMatchObject({ id: '1' })
  await quit()
})
