/** The examples of the original's README, as programs of CommonJS with the require changed. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import byDefault from 'handstamp/compat/connect-redis-sessions'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildPackage } from '../../support/built-package.ts'
import type { BuiltPackage } from '../../support/built-package.ts'
import { foreignPrefix, redisServers } from '../../support/redis.ts'
import { runToEnd } from '../../support/server-process.ts'

let built: BuiltPackage
beforeAll(() => {
  built = buildPackage()
})
afterAll(() => built.remove())

/** What a visitor gets who walks the paths with one cookie jar, line by line. */
async function walk(program: string, paths: readonly string[]): Promise<string[]> {
  const file = join(built.folder, 'program.cjs')
  const walker = `
    const server = app.listen(0, '127.0.0.1', async () => {
      await new Promise((resolve) => setTimeout(resolve, 300)) // The original waits for its client.
      let cookie = ''
      for (const path of ${JSON.stringify(paths)}) {
        const response = await fetch('http://127.0.0.1:' + server.address().port + path, { headers: { cookie } })
        for (const line of response.headers.getSetCookie())
          cookie = line.includes('1970') ? '' : line.split(';')[0]
        console.log(await response.text())
      }
      process.exit(0)
    })`
  writeFileSync(file, program + walker)
  const env = { PORT: String(redisServers().single.port), NAMESPACE: `${foreignPrefix()}x` }
  const { code, output } = await runToEnd(file, env)
  expect({ code, output }).toMatchObject({ code: 0 })
  return output.trim().split('\n')
}

const start = (name: string): string => `
const express = require('express4')
const cookieParser = require('cookie-parser')
const ConnectRedisSessions = require('${name}')
const app = express()
const redis = { port: process.env.PORT, namespace: process.env.NAMESPACE }
`

const advanced = `
const _timeSecDay = 60 * 60 * 24
const _getAppName = function (req, cb) {
  const appname = req._parsedUrl.pathname.split('/')[1]
  if (appname != null) cb(null, appname)
  else cb(null)
}
const fnCRS = ConnectRedisSessions({
  ...redis, app: _getAppName, ttl: _timeSecDay, cookie: { maxAge: _timeSecDay * 1000 },
})
app.use(express.query()).use(cookieParser()).use(fnCRS)
const redisSessionsInstance = fnCRS.handler.rds

app.use('/myapp/check', function (req, res) {
  if (req.session.id == void 0) res.end('user not logged in')
  else res.end('user ' + req.session._meta.id + ' is logged in')
})
app.use('/myapp/login', function (req, res) {
  const user_id = 'myuser_id'
  req.session.upgrade(user_id, req.query.sessionttl, function () {
    res.end('user ' + user_id + ' has logged in for ' + req.session._meta.ttl)
  })
})
app.use('/myapp/write', function (req, res) {
  req.session.meaning = 42
  req.session.foo = 'bar'
  res.end('data written to session')
})
app.use('/myapp/read', function (req, res) {
  res.end('session data ' + req.session.foo + ' says ' + req.session.meaning)
})
app.use('/myapp/all', function (req, res) {
  req.session.soid(function (err, { sessions }) {
    if (err) return res.end('ERROR')
    res.end(JSON.stringify(sessions.map(({ id, ttl, d, w }) => ({ id, ttl, d, w }))))
  })
})
app.use('/myapp/engine', function (req, res) {
  const same = req.session.getRedisSessionsModule() === redisSessionsInstance
  redisSessionsInstance.activity({ app: 'myapp', dt: 600 }, (err, { activity }) => res.end(same + ' ' + activity))
})
app.use('/myapp/kill', function (req, res) {
  req.session.destroy(() => res.end('killed'))
})
`

const steps = 'check login check write read all engine kill check login?sessionttl=500'.split(' ')

test('the advanced examples say the same, with the require changed', async () => {
  const paths = steps.map((step) => `/myapp/${step}`)
  const output = await walk(start('handstamp/compat/connect-redis-sessions') + advanced, paths)
  expect(output).toEqual([
    'user not logged in',
    'user myuser_id has logged in for 86400',
    'user myuser_id is logged in',
    'data written to session',
    'session data bar says 42',
    '[{"id":"myuser_id","ttl":86400,"d":{"meaning":42,"foo":"bar"},"w":2}]',
    'true 1',
    'killed',
    'user not logged in',
    'user myuser_id has logged in for 500',
  ])
  expect(output).toEqual(await walk(start('connect-redis-sessions') + advanced, paths))
}, 30_000)

test('the first example, which does not wait for anything, signs in and out', async () => {
  const first = `
app
  .use(express.query())
  .use(cookieParser())
  .use(ConnectRedisSessions({ app: 'myappname', ...redis }))
app.use(function (req, res) {
  if (req.query.login) {
    // upgrade a session to a redis session by a user id
    req.session.upgrade(req.query.user_id)
  }
  if (req.session.id && req.query.logout) {
    // kill the active session
    req.session.destroy()
  }
  res.end('Hello ' + (req.session.id ? req.session._meta.id : 'nobody'))
})
`
  const paths = ['/', '/?login=1&user_id=ada', '/', '/?logout=1', '/']
  const said = (who: string): string => `Hello ${who}`
  const output = await walk(start('handstamp/compat/connect-redis-sessions') + first, paths)
  expect(output).toEqual(['nobody', 'nobody', 'ada', 'ada', 'nobody'].map(said))
  // The original sends no cookie here.
  const nobody = paths.map(() => said('nobody'))
  expect(await walk(start('connect-redis-sessions') + first, paths)).toEqual(nobody)
}, 30_000)

test('the default import is the function', () => {
  expect(byDefault).toBeTypeOf('function')
  expect(byDefault.length).toBe(1)
})
