/** The package as its users get it: every form of import, the examples of the READMEs, and programs that survive. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync, cpSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { until } from '../../../tools/redis/until.mjs'
import { buildPackage } from '../../support/built-package.ts'
import type { BuiltPackage } from '../../support/built-package.ts'
import { freshPrefix, redisServers } from '../../support/redis.ts'
import { runToEnd, startServer } from '../../support/server-process.ts'
import { Walker } from '../../support/walker.ts'
import { serverWithPassword, socketPath } from './own-server.ts'
import { examples } from './readme-examples.ts'
import { relayTo } from './relay.ts'

const OURS = 'handstamp/compat/connect-redis'
const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url))

let built: BuiltPackage
beforeAll(() => {
  built = buildPackage()
})
afterAll(() => built.remove())

function program(name: string, source: string, folder = built.folder): string {
  const file = join(folder, name)
  writeFileSync(file, source)
  return file
}

describe('an example of the README', () => {
  test.each(examples.map((example) => [example.title, example] as const))(
    'of major %s',
    async (_, { original, file, source }) => {
      const REDIS_URL = redisServers().single.url
      const visits = [original, OURS].map(async (name, at) => {
        const server = await startServer(program(`${at}-${file}`, source(name)), { REDIS_URL })
        onTestFinished(server.end)
        const ada = new Walker(server.origin)
        const other = new Walker(server.origin)
        return [await ada.get('/'), await ada.get('/'), await other.get('/')].map(
          ({ text }) => text,
        )
      })
      expect(await Promise.all(visits)).toEqual([
        ['1', '2', '1'],
        ['1', '2', '1'],
      ])
    },
  )
})

test('require() and import give the same function, under every name that a major gave it', async () => {
  const source = `
    const required = require('${OURS}')
    const session = require('express-session')
    import('${OURS}').then((imported) => {
      class Mine extends required { mine() { return this.prefix } }
      const client = { call: async () => null, on() {} }
      const Made = required(session)
      console.log(JSON.stringify([
        typeof required, required.name, required.default === required, required.RedisStore === required,
        imported.default === required, imported.RedisStore === required,
        new required({ client }) instanceof required.RedisStore,
        new Mine({ client, prefix: 'p' }).mine(), new Mine({ client }) instanceof required,
        new Made({ client }) instanceof session.Store,
      ]))
      for (const wrong of [() => required({ client }), () => Made({ client })])
        try { wrong() } catch (error) { console.log(error.code ?? error.name) }
    })
  `
  const { code, output } = await runToEnd(program('forms.cjs', source), {})
  expect({ code, output: output.trim().split('\n') }).toEqual({
    code: 0,
    output: [
      JSON.stringify(['function', 'RedisStore', ...Array(5).fill(true), 'p', true, true]),
      'ERR_OPTION',
      'TypeError',
    ],
  })
})

describe('a program does not end', () => {
  test('where session.destroy() has no callback and Redis refuses', async () => {
    const source = (name: string): string => `
      const { RedisStore } = require('${name}')
      const client = {
        isOpen: true, on() {}, listenerCount: () => 1,
        del: async () => { throw new Error('refused') },
        sendCommand: async () => { throw new Error('refused') },
      }
      new RedisStore({ client }).destroy('a')
      setTimeout(() => console.log('alive'), 50)
    `
    const theirs = await runToEnd(program('destroy.cjs', source('connect-redis')), {})
    expect(theirs.code).toBe(1)
    expect(theirs.output).not.toContain('alive')
    const ours = await runToEnd(program('destroy.cjs', source(OURS)), {})
    expect(ours).toEqual({ code: 0, output: 'alive\n' })
  })

  test('where the password is wrong', async () => {
    const { port } = await serverWithPassword()
    const source = (name: string): string => `
      const RedisStore = require('${name}')(require('express-session'))
      const store = new RedisStore({ port: ${port}, pass: 'wrong' })
      store.get('a', (error) => {
        console.log('told of', error.name)
        process.exit()
      })
    `
    const theirs = await runToEnd(program('pass.cjs', source('connect-redis3')), {})
    expect(theirs.code).toBe(1)
    const ours = await runToEnd(program('pass.cjs', source(OURS)), {})
    expect(ours).toEqual({ code: 0, output: 'told of HandstampError\n' })
  })

  test('where the client has no listener for errors and Redis goes away', async () => {
    const example = examples.find(({ title }) => title === '10: ESM')!
    const outcome = async (name: string): Promise<string> => {
      const relay = await relayTo(redisServers().single.port)
      const REDIS_URL = `redis://127.0.0.1:${relay.port}`
      const server = await startServer(program(example.file, example.source(name)), { REDIS_URL })
      onTestFinished(server.end)
      const ada = new Walker(server.origin)
      await ada.get('/')
      await relay.cut()
      // The original's process is gone, ours waits for its deadline.
      const during = await ada.get('/').then(
        ({ status }) => String(status),
        () => 'gone',
      )
      await relay.mend()
      if (during === 'gone') return during
      await until('the session is there again', async () => (await ada.get('/')).text === '2')
      return during
    }
    expect(await outcome('connect-redis')).toBe('gone')
    expect(await outcome(OURS)).toBe('503')
  })
})

/** Writes a session, and says over which client. */
const creating = `
  import { RedisStore } from '${OURS}'
  const store = new RedisStore(JSON.parse(process.env.OPTIONS))
  await store.set('a', { cookie: { originalMaxAge: null } })
  const client = 'call' in store.client ? 'ioredis or iovalkey' : 'redis'
  console.log(JSON.stringify({ read: await store.get('a'), client }))
`
const read = { cookie: { originalMaxAge: null } }

describe('without a client, one is made', () => {
  /** The package beside these others only. */
  function installedWith(...names: string[]): string {
    const folder = mkdtempSync(join(tmpdir(), 'handstamp-alone-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    for (const name of ['dist', 'package.json'])
      cpSync(join(built.folder, name), join(folder, name), { recursive: true })
    mkdirSync(join(folder, 'node_modules'))
    for (const name of ['ioredis', 'redis', 'iovalkey', 'express-session']) {
      const installed = join(folder, 'node_modules', name)
      if (names.includes(name)) {
        symlinkSync(join(modules, name), installed)
        continue
      }
      // Whatever a folder above holds, the search ends here, and finds nothing.
      mkdirSync(installed)
      writeFileSync(join(installed, 'package.json'), '{ "main": "./missing.js" }')
    }
    return folder
  }

  async function create(names: string[], options: object): Promise<unknown> {
    const file = program('create.mjs', creating, installedWith(...names))
    // `unref`, or the program would never end.
    const OPTIONS = JSON.stringify({ unref: true, ...options })
    const { output } = await runToEnd(file, { OPTIONS })
    return output.startsWith('{') ? JSON.parse(output) : /ERR_\w+/.exec(output)?.[0]
  }

  const viaIoredis = { read, client: 'ioredis or iovalkey' }
  const viaRedis = { read, client: 'redis' }

  test.each([
    [['ioredis', 'redis', 'iovalkey'], viaIoredis],
    [['redis', 'iovalkey'], viaRedis],
    [['iovalkey'], viaIoredis],
    [['ioredis', 'express-session'], viaIoredis],
    [[], 'ERR_OPTION'],
  ])('where %j are installed', async (names, outcome) => {
    const { host, port } = redisServers().single
    expect(await create(names, { host, port, prefix: freshPrefix() })).toEqual(outcome)
  })

  test('by redis from url, from a url as socket and from a path', async () => {
    const { url } = redisServers().single
    const prefix = freshPrefix()
    const socket = await socketPath()
    for (const options of [{ url }, { socket: url }, { socket }])
      expect(await create(['redis'], { ...options, prefix })).toEqual(viaRedis)
  })

  test('by redis with pass and db, and with options of its own', async () => {
    const server = await serverWithPassword()
    const options = { host: '127.0.0.1', port: String(server.port), pass: server.password, db: 3 }
    const own = { name: 'the-store', prefix: 'p:' }
    expect(await create(['redis'], { ...options, ...own })).toEqual(viaRedis)
    expect(await server.databasesOf('p:a')).toEqual([3])
    expect(await server.named).toBe('the-store')
  })
})
