/** What the READMEs of connect-redis show, major by major; only the name of the package changes. */

export interface Example {
  readonly title: string
  readonly original: string
  readonly file: 'example.cjs' | 'example.mjs'
  source(name: string): string
}

/** Listens, and counts the visits of a session. */
const rest = `
app.get('/', (req, res) => {
  req.session.views = (req.session.views || 0) + 1
  res.send(String(req.session.views))
})
app.listen(process.env.PORT)
`
const cjs = `
const express = require('express')
const session = require('express-session')
const app = express()
`
const esm = `
import express from 'express'
import session from 'express-session'
const app = express()
`

const fromSession = (client: string): Pick<Example, 'file' | 'source'> => ({
  file: 'example.cjs',
  source: (name) => `${cjs}
const RedisStore = require('${name}')(session)
${client}
app.use(
  session({
    store: new RedisStore({ client: redisClient }),
    saveUninitialized: false,
    secret: 'keyboard cat',
    resave: false,
  }),
)
${rest}`,
})

const callbackClient = `
const redis = require('redis3')
const redisClient = redis.createClient(process.env.REDIS_URL)
`
const legacyClient = `
const { createClient } = require('redis4')
const redisClient = createClient({ url: process.env.REDIS_URL, legacyMode: true })
redisClient.connect().catch(console.error)
`
const ioredisClient = `
const Redis = require('ioredis5')
const redisClient = new Redis(process.env.REDIS_URL)
`

const withNew = (
  file: Example['file'],
  importing: (name: string) => string,
  redis: string,
): Pick<Example, 'file' | 'source'> => ({
  file,
  source: (name) => `${file === 'example.cjs' ? cjs : esm}
${importing(name)}
${file === 'example.cjs' ? `const { createClient } = require('${redis}')` : `import { createClient } from '${redis}'`}
const redisClient = createClient({ url: process.env.REDIS_URL })
redisClient.connect().catch(console.error)
const redisStore = new RedisStore({ client: redisClient, prefix: 'myapp:' })
app.use(
  session({
    store: redisStore,
    resave: false,
    saveUninitialized: false,
    secret: 'keyboard cat',
  }),
)
${rest}`,
})

export const examples: readonly Example[] = [
  {
    title: '3: a client made from options',
    original: 'connect-redis3',
    file: 'example.cjs',
    source: (name) => `${cjs}
var RedisStore = require('${name}')(session)
var options = { url: process.env.REDIS_URL, logErrors: true }
app.use(
  session({
    store: new RedisStore(options),
    secret: 'keyboard cat',
    resave: false,
  }),
)
app.use(function (req, res, next) {
  if (!req.session) {
    return next(new Error('oh no'))
  }
  next()
})
${rest}`,
  },
  { title: '4: redis 3', original: 'connect-redis4', ...fromSession(callbackClient) },
  { title: '6: redis 3', original: 'connect-redis6', ...fromSession(callbackClient) },
  { title: '6: redis 4 in legacyMode', original: 'connect-redis6', ...fromSession(legacyClient) },
  { title: '6: ioredis', original: 'connect-redis6', ...fromSession(ioredisClient) },
  {
    title: '7: ESM',
    original: 'connect-redis7',
    ...withNew('example.mjs', (name) => `import RedisStore from '${name}'`, 'redis4'),
  },
  {
    title: '7: CommonJS',
    original: 'connect-redis7',
    ...withNew('example.cjs', (name) => `const RedisStore = require('${name}').default`, 'redis4'),
  },
  {
    title: '8: CommonJS',
    original: 'connect-redis8',
    ...withNew('example.cjs', (name) => `const { RedisStore } = require('${name}')`, 'redis4'),
  },
  {
    title: '9: ESM',
    original: 'connect-redis9',
    ...withNew('example.mjs', (name) => `import { RedisStore } from '${name}'`, 'redis5'),
  },
  {
    title: '10: ESM',
    original: 'connect-redis',
    ...withNew('example.mjs', (name) => `import { RedisStore } from '${name}'`, 'redis'),
  },
]
