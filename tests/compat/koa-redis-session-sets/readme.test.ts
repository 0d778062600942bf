/** The examples of the original's README run with the import changed. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import Koa from 'koa'
import { expect, onTestFinished, test } from 'vitest'
import koaRedisSessionSets from 'handstamp/compat/koa-redis-session-sets'
import { buildPackage } from '../../support/built-package.ts'
import { freshPrefix, redisServers } from '../../support/redis.ts'
import { Walker } from '../../support/walker.ts'

test('the example of a site, and that of ending all sessions of a user', async () => {
  const client = new Redis(redisServers().single.port)
  onTestFinished(() => client.disconnect())
  const prefix = freshPrefix()
  const read: unknown[] = []

  const app = new Koa()
  app.keys = ['keys']
  const Session = koaRedisSessionSets(app, {
    client,
    prefix,
    references: {
      user_id: {},
    },
  })

  app.use(Session)

  app.use(async (ctx) => {
    // get the session
    let session = await ctx['session'].get()
    read.push(session)

    // update the session
    await ctx['session'].set({
      user_id: 1,
    })

    // get the session object with latest keys
    session = await ctx['session'].get()
    read.push(session)

    ctx.status = 204
  })

  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const visitors = [0, 1].map(
    () => new Walker(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
  )
  for (const visitor of visitors) expect((await visitor.get('/')).status).toBe(204)
  const ids = await Promise.all(visitors.map((visitor) => visitor.cookie('session-id')))
  expect(read).toEqual([{}, { id: ids[0], user_id: '1' }, {}, { id: ids[1], user_id: '1' }])

  const key = Session.getReferenceKey('user_id', 1)
  const session_ids = await client.smembers(key)
  expect(new Set(session_ids)).toEqual(new Set(ids))
  await Promise.all(
    session_ids.map((session_id) => {
      // deletes the session and removes the session from all the referenced sets
      return Session.store.delete(session_id)
    }),
  )
  expect(await client.keys(`${prefix}*`)).toEqual([])
})

test('require gives the function itself, import the same as default', () => {
  const built = buildPackage()
  onTestFinished(() => built.remove())
  const script = `
    const sessionSets = require('handstamp/compat/koa-redis-session-sets')
    const client = { call: async () => null }
    const { store, tokens, options, createSession, getReferenceKey } = sessionSets(undefined, { client })
    const { Store } = sessionSets
    import('handstamp/compat/koa-redis-session-sets').then((module) => console.log([
      typeof sessionSets, typeof createSession, getReferenceKey('a', 1), options.key,
      store instanceof Store, tokens.saltLength, module.default === sessionSets, module.Store === Store,
    ].join()))`
  const file = join(built.folder, 'required.cjs')
  writeFileSync(file, script)
  const said = execFileSync(process.execPath, ['--no-warnings', file], { encoding: 'utf8' })
  expect(said.trim()).toBe('function,function,:a:{1},session-id,true,22,true,true')
})
