/** Docs are code: every block compiles, every program runs, every link leads somewhere, nothing is left out. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { jsonCodec } from '../src/core/codec.ts'
import { decodeDocument } from '../src/core/document.ts'
import { RESERVED } from '../src/core/reserved.ts'
import { createSessions } from '../src/index.ts'
import { redisStore } from '../src/redis/index.ts'
import { buildPackage } from './support/built-package.ts'
import type { BuiltPackage } from './support/built-package.ts'
import { freshPrefix, redisServers } from './support/redis.ts'
import { addRestrictedUser } from './support/restricted-user.ts'
import { startServer } from './support/server-process.ts'
import { Visitor } from './support/visitor.ts'
import { Walker } from './support/walker.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const inFolder = (folder: string): string[] => readdirSync(join(root, folder))

const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.md'))
  .map((file) => join('docs', file))
const pages = ['README.md', ...docs]

interface Block {
  readonly page: string
  readonly language: string
  readonly code: string
}

const blocks = pages.flatMap((page) =>
  Array.from(
    read(page).matchAll(/^```(\w*)\n(.*?)^```$/gms),
    ([, language = '', code = '']): Block => ({ page, language, code }),
  ),
)

let built: BuiltPackage
beforeAll(() => {
  built = buildPackage()
})
afterAll(() => built.remove())

describe('a code block', () => {
  test.each(['koa', 'express', 'connect', 'node', 'fetch'])(
    'of the README is examples/%s.js',
    (name) => {
      const codes = blocks.flatMap(({ page, code }) => (page === 'README.md' ? [code] : []))
      expect(codes).toContain(read(`examples/${name}.js`))
    },
  )

  test.each(['js', 'ts'])('in %s compiles against the package as users get it', (language) => {
    const folder = join(built.folder, `blocks-${language}`)
    mkdirSync(folder)
    const strict = language === 'ts'
    const compilerOptions = {
      target: 'es2023',
      module: 'nodenext',
      moduleDetection: 'force',
      types: ['node'],
      strict,
      allowJs: true,
      checkJs: true,
      noEmit: true,
      skipLibCheck: true,
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
    writeFileSync(join(folder, 'surroundings.d.ts'), surroundings)
    if (!strict) writeFileSync(join(folder, 'augment.d.ts'), anySessionData)
    const own = blocks.filter((block) => block.language === language)
    for (const [at, { page, code }] of own.entries())
      writeFileSync(join(folder, `${basename(page, '.md')}-${at}.${language}`), code)
    expect(own.length).toBeGreaterThan(3)
    expect(compile(folder)).toBe('')
  })

  const programs = blocks.filter(({ page, code }) => {
    return page === 'docs/quickstart.md' && code.includes('.listen(')
  })

  test.each(programs.map(({ code }) => [/'handstamp\/(\w+)'/.exec(code)?.[1] ?? '', code]))(
    'of the quickstart runs: %s',
    async (name, code) => {
      const file = join(built.folder, `quickstart-${name}.js`)
      writeFileSync(file, code)
      const server = await startServer(file, { REDIS_URL: redisServers().single.url })
      onTestFinished(server.end)
      const ada = new Walker(server.origin)
      expect((await ada.get('/')).text).toBe('Nobody is signed in\n')
      expect(await ada.cookie('sid')).toBeUndefined()
      expect((await ada.post('/sign-in')).text).toBe('Signed in\n')
      expect((await ada.get('/')).text).toBe('Hello Ada\n')
      expect((await new Walker(server.origin).get('/')).text).toBe('Nobody is signed in\n')
      expect((await ada.post('/sign-out')).text).toBe('Signed out\n')
      expect(await ada.cookie('sid')).toBeUndefined()
      expect((await ada.get('/')).text).toBe('Nobody is signed in\n')
    },
  )
})

describe('the docs', () => {
  const written = [...pages, 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md']
  const links = written.flatMap((page) =>
    Array.from(read(page).matchAll(/\]\(([^)\s]+)\)/g), ([, to = '']) => ({ page, to })),
  )

  test('link to files and headings that exist', () => {
    const broken = links.filter(({ page, to }) => {
      if (/^https?:/.test(to)) return false
      const [path = '', heading] = to.split('#')
      const file = path === '' ? page : join(dirname(page), path)
      if (!existsSync(join(root, file))) return true
      return heading !== undefined && !headingsOf(file).includes(heading)
    })
    expect(broken).toEqual([])
  })

  test('are all linked from the README', () => {
    const linked = links.flatMap(({ page, to }) => (page === 'README.md' ? [to.split('#')[0]] : []))
    expect(docs.filter((file) => !linked.includes(file))).toEqual([])
  })

  test('name npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: object }
    const named = written.flatMap((page) => [...read(page).matchAll(/npm run ([\w:-]+)/g)])
    expect(named.map(([, name]) => name).filter((name) => !Object.hasOwn(scripts, name!))).toEqual(
      [],
    )
  })

  test('say nothing of the machine they were written on', () => {
    for (const page of written)
      expect(read(page)).not.toMatch(/\/(?:work|home|Users)\/|localhost:\d{5}/)
  })

  test.each([
    ['docs/errors.md', 'error code', unionOf('src/core/errors.ts', 'ErrorCode')],
    ['docs/events.md', 'event', eventNames()],
    ['docs/events.md', 'reason of rejection', unionOf('src/core/events.ts', 'RejectReason')],
    ['docs/csrf.md', 'option', optionsOf('src/http/csrf-options.ts', 'CsrfOptions')],
    ['docs/csrf.md', 'reason', unionOf('src/core/events.ts', 'CsrfReason')],
    ['docs/fetch.md', 'option', optionsOf('src/adapters/fetch.ts', 'WithSessionOptions')],
    ['docs/events.md', 'reason of a drop', unionOf('src/core/events.ts', 'DropReason')],
    ['docs/options.md', 'engine option', optionsOf('src/core/options.ts', 'EngineOptions')],
    ['docs/options.md', 'other option', optionsOf('src/create-sessions.ts', 'SessionsOptions')],
    ['docs/options.md', 'cookie option', optionsOf('src/http/cookie-options.ts', 'CookieOptions')],
    ['docs/options.md', 'Redis option', optionsOf('src/redis/store.ts', 'RedisStoreOptions')],
    ['docs/options.md', 'memory option', optionsOf('src/memory/store.ts', 'MemoryStoreOptions')],
    [
      'docs/options.md',
      'header option',
      optionsOf('src/http/header-transport.ts', 'HeaderTransportOptions'),
    ],
    ['docs/activity.md', 'option', optionsOf('src/core/activity.ts', 'ActivityOptions')],
    ['docs/near-cache.md', 'option', optionsOf('src/core/near-cache.ts', 'NearCacheOptions')],
    ['docs/near-cache.md', 'count', optionsOf('src/core/near-cache.ts', 'NearCacheStats')],
    [
      'docs/sign-in.md',
      'option of signIn',
      [
        ...optionsOf('src/core/session.ts', 'SignInOptions'),
        ...optionsOf('src/core/session.ts', 'LifetimeOptions'),
      ],
    ],
    ['docs/sign-in.md', 'field', optionsOf('src/core/users.ts', 'SessionInfo')],
    [
      'docs/events.md',
      'cause of revoked',
      [
        ...unionOf('src/core/events.ts', 'RevokedBy'),
        ...unionOf('src/core/events.ts', 'EndedBy'),
      ].map((by) => `'${by}'`),
    ],
    ['docs/koa.md', 'mount option', optionsOf('src/node/property.ts', 'MountOptions')],
    ['docs/express.md', 'mount option', optionsOf('src/node/property.ts', 'MountOptions')],
    ['docs/session.md', 'limit', optionsOf('src/core/session.ts', 'LifetimeOptions')],
    ['docs/session.md', 'regenerate option', optionsOf('src/core/session.ts', 'RegenerateOptions')],
    ['docs/session.md', 'metadata', optionsOf('src/core/session.ts', 'SessionMeta')],
  ])('%s has a row for each %s', (page, _, names) => {
    expect(names.length).toBeGreaterThan(1)
    expect(names.filter((name) => !rowsOf(page).includes(name))).toEqual([])
  })

  test('docs/session.md has a row for each verb and names all that is reserved', () => {
    const verbs = [...bodyOf('src/core/session.ts', 'SessionVerbs').matchAll(/^ {2}(\w+)[<(]/gm)]
    const rows = rowsOf('docs/session.md').map((row) => row.replace(/\(.*/, ''))
    expect(verbs.map(([, name]) => name).filter((name) => !rows.includes(name!))).toEqual([])
    expect(RESERVED.filter((name) => !read('docs/session.md').includes(`\`${name}\``))).toEqual([])
  })

  test('docs/data-in-redis.md links every script', () => {
    const page = read('docs/data-in-redis.md')
    const scripts = inFolder('lua').filter((file) => file.endsWith('.lua'))
    expect(scripts.filter((file) => !page.includes(`](../lua/${file})`))).toEqual([])
  })

  test('docs/data-in-redis.md shows documents that handstamp reads', () => {
    const page = read('docs/data-in-redis.md')
    const [, document = ''] = /GET '[^']*'\n(\{.*?^\})$/ms.exec(page) ?? []
    expect(decodeDocument(document, jsonCodec)).toMatchObject({
      kind: 'live',
      fields: { userId: 'u-1', views: 1 },
    })
    const tombstones = [...page.matchAll(/`(\{"@":\["(ended|moved)".*?\]\})`/g)]
    expect(tombstones.map(([, , kind]) => kind)).toEqual(['ended', 'moved'])
    for (const [, text = '', kind] of tombstones)
      expect(decodeDocument(text.replace(/\}$/, '\n}'), jsonCodec)).toMatchObject({ kind })
  })

  test('docs/data-in-redis.md shows an ACL that is enough', async () => {
    const { host, port, url } = redisServers().single
    const prefix = freshPrefix()
    const admin = new Redis(url)
    onTestFinished(() => admin.disconnect())
    const user = prefix.replaceAll(':', '-')
    await addRestrictedUser(port, prefix, user)
    onTestFinished(async () => void (await admin.call('ACL', ['DELUSER', user])))
    const login = { username: user, password: 'password', enableReadyCheck: false }
    const client = new Redis({ host, port, ...login })
    onTestFinished(() => client.disconnect())
    const sessions = createSessions<{ n: number }>({
      store: redisStore({ client, prefix }),
      references: { n: true },
      activity: true,
      nearCache: true,
      maxSessionsPerUser: 2,
    })
    onTestFinished(() => sessions.close())
    const failed: unknown[] = []
    sessions.events.on('storeFailed', (event) => failed.push(event))
    await sessions.listen()
    await expect.poll(() => sessions.nearCache?.healthy).toBe(true)
    expect(await sessions.health()).toMatchObject({ ok: true, store: 'up' })
    const ada = new Visitor(sessions)
    await ada.visit((session) => void (session.n = 1))
    await ada.visit((session) => void (session.n = 2))
    await ada.visit((session) => session.touch())
    expect(await ada.visit((session) => session.increment('n'))).toBe(3)
    await ada.visit((session) => session.regenerate({ keepData: true }))
    expect(await ada.visit((session) => session.take('n'))).toBe(3)
    await ada.visit((session) => session.destroy())
    for (const name of ['a', 'b', 'c', 'd']) {
      const device = new Visitor(sessions)
      await device.visit((session) => void (session.n = 4))
      await device.visit((session) => session.signIn('ada'))
      await device.visit((session) => void (session.n = name === 'd' ? 5 : 4))
    }
    expect((await sessions.user('ada').list()).sessions).toHaveLength(2)
    expect(await sessions.by('n', 5).count()).toBe(1)
    expect((await sessions.activity('1h')).users).toBe(1)
    expect((await sessions.by('n', 5).revokeAll()).ended).toHaveLength(1)
    expect((await sessions.user('ada').revokeAll()).ended).toHaveLength(1)
    expect(await sessions.user('ada').count()).toBe(0)
    await sessions.close()
    expect(failed).toEqual([])
  })

  test('docs/dependencies.md lists every dependency, those at run time with version and licence', () => {
    const page = read('docs/dependencies.md')
    const { dependencies, devDependencies, peerDependencies } = JSON.parse(
      read('package.json'),
    ) as Record<'dependencies' | 'devDependencies' | 'peerDependencies', Record<string, string>>
    const names = Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies })
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
    for (const [name, version] of Object.entries(dependencies)) {
      const { license } = JSON.parse(read(`node_modules/${name}/package.json`)) as {
        license: string
      }
      expect(page).toMatch(
        new RegExp(`^\\| \`${name}\` +\\| ${version.replaceAll('.', '[.]')} +\\| ${license} `, 'm'),
      )
    }
  })
})

/** What surrounds the lines of a fragment in the application they are taken from. */
const surroundings = `
import type { Express } from 'express'
import type { Session, Sessions } from 'handstamp'
interface Data { views: number, cart: { sku: string, qty: number }[], message: string, userId: string, role: string }
declare global {
  const sessions: Sessions<Data>
  const session: Session<Data>
  const app: Express
  const user: { id: string }
  const log: Pick<Console, 'error' | 'warn'>
}
`

const anySessionData = `
export type { SessionData } from 'handstamp/express/augment'
declare module 'handstamp/express/augment' {
  interface SessionData { [field: string]: any }
}
`

/** What the compiler has to say; '' where it is content. */
function compile(folder: string): string {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  try {
    execFileSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8', stdio: 'pipe' })
    return ''
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}

/** First cells that are code: \`name\` or \`name(…)\`. */
function rowsOf(page: string): string[] {
  return Array.from(read(page).matchAll(/^\| `([^`]+)`/gm), ([, name = '']) => name)
}

/** As GitHub makes anchors of headings. */
function headingsOf(page: string): string[] {
  return Array.from(read(page).matchAll(/^#+ (.*)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  )
}

function unionOf(file: string, type: string): string[] {
  const [, union = ''] = new RegExp(`type ${type} =(.*?)\\n\\n`, 's').exec(read(file)) ?? []
  return Array.from(union.matchAll(/'([^']+)'/g), ([, name = '']) => name)
}

function bodyOf(file: string, type: string): string {
  return new RegExp(`interface ${type}\\b.*?\\{\\n(.*?)^\\}`, 'ms').exec(read(file))?.[1] ?? ''
}

function optionsOf(file: string, type: string): string[] {
  const fields = bodyOf(file, type).matchAll(/^ {2}readonly (\w+)\??:/gm)
  return Array.from(fields, ([, name = '']) => name)
}

function eventNames(): string[] {
  const fields = bodyOf('src/core/events.ts', 'SessionEvents').matchAll(/^ {2}(\w+): \[/gm)
  return Array.from(fields, ([, name = '']) => name)
}
