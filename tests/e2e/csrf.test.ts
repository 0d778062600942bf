/** Requests of other sites, over real connections, in front of every framework: refused before the application sees them. */
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { csrf as expressCsrf } from '../../src/adapters/express.ts'
import { withSession as fetchSession } from '../../src/adapters/fetch.ts'
import { csrf as koaCsrf } from '../../src/adapters/koa.ts'
import { withSession as nodeSession } from '../../src/adapters/node.ts'
import { createSessions, HandstampError } from '../../src/index.ts'
import type { CsrfOptions, SessionsOptions } from '../../src/index.ts'
import { memoryStore } from '../../src/memory/index.ts'
import { browser } from './support/browser.ts'
import type { Browser, RequestOptions } from './support/browser.ts'
import type { Data } from './support/frameworks.ts'
import { guarded } from './support/guarded.ts'
import type { Guarded, Setup } from './support/guarded.ts'

const FORM = 'application/x-www-form-urlencoded'

/** A site, a visitor with a session and a token of it, and what is told about refusals. */
async function visit(
  { serve }: Guarded,
  setup: Omit<Setup, 'sessions'> = {},
  more: SessionsOptions<Data> = {},
) {
  const sessions = createSessions<Data>({ cookie: { secure: false }, ...more })
  const reasons: string[] = []
  sessions.events.on('csrfRefused', ({ reason }) => reasons.push(reason))
  const site = await serve({ sessions, ...setup })
  const ada = await browser(site)
  const { text: token } = await ada.get('/token')
  /** What became of a request: that it got through, or why it did not. */
  const outcomeOf = async (options: RequestOptions, path = '/post', who = ada) => {
    const [before, told] = [site.handled.length, reasons.length]
    const answer = await who.post(path, options)
    const isHandled = site.handled.length > before
    if (isHandled) return answer.status === 200 ? 'passed' : `passed with ${answer.status}`
    expect(answer.status).toBe(403)
    expect(answer.cookies).toEqual([])
    expect(answer.text).not.toContain('csrf')
    expect(reasons.slice(told)).toHaveLength(1)
    return reasons.at(-1)
  }
  return { ada, outcomeOf, reasons, site, token, sessions }
}

const tokenIn = (token: string): RequestOptions => ({ headers: { 'x-csrf-token': token } })
const form = (body: string): RequestOptions => ({ headers: { 'content-type': FORM }, body })
const json = (value: unknown): RequestOptions => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
})

describe.each(guarded)('$name', (framework) => {
  const { readsForms, hasMiddleware, knowsProxies } = framework

  test('lets a form of the own origin pass without a token', async () => {
    const { outcomeOf } = await visit(framework)
    const name = { headers: { 'content-type': FORM }, body: 'name=Ada' }
    const proofs: Record<string, string>[] = [
      { 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'same-origin', origin: 'http://localhost' },
      { 'sec-fetch-site': 'none' },
      { origin: 'http://localhost' },
      { referer: 'http://localhost/form?of=mine' },
    ]
    for (const proof of proofs) {
      const headers = { ...name.headers, ...proof }
      expect([proof, await outcomeOf({ ...name, headers })]).toEqual([proof, 'passed'])
    }
  })

  test('refuses what comes from elsewhere, even with a valid token, and the session goes on', async () => {
    const { ada, outcomeOf, site, token } = await visit(framework)
    await ada.post('/count', tokenIn(token))
    const cases: [string, Record<string, string>][] = [
      ['cross-site', { 'sec-fetch-site': 'cross-site', origin: 'https://attacker.com' }],
      ['cross-site', { 'sec-fetch-site': 'cross-site', origin: 'http://localhost' }],
      ['same-site', { 'sec-fetch-site': 'same-site', origin: 'http://sibling.localhost' }],
      ['fetch-site', { 'sec-fetch-site': 'same-origin, same-origin' }],
      ['origin', { origin: 'null' }],
      ['origin', { origin: 'https://localhost' }],
      ['origin', { origin: 'http://localhost:8080' }],
      ['origin', { origin: 'http://localhost.attacker.com', referer: 'http://localhost/' }],
      ['referer', { referer: 'http://localhost.attacker.com/' }],
    ]
    for (const [reason, headers] of cases) {
      const given = { headers: { ...headers, 'x-csrf-token': token } }
      expect([headers, await outcomeOf(given, '/count')]).toEqual([headers, reason])
    }
    expect(site.handled.filter((request) => request === 'POST /count')).toHaveLength(1)
    expect((await ada.get('/views')).text).toBe('1')
  })

  test.runIf(hasMiddleware)('refuses with ERR_CSRF, which the error handlers get', async () => {
    const { ada, outcomeOf, site, token } = await visit(framework)
    await outcomeOf({ headers: { origin: 'https://attacker.com', 'x-csrf-token': token } })
    await ada.get('/new-id')
    await outcomeOf(tokenIn(token))
    expect(site.errors).toHaveLength(2)
    for (const error of site.errors) {
      expect(error).toBeInstanceOf(HandstampError)
      expect(error).toMatchObject({ code: 'ERR_CSRF', status: 403, expose: false })
      // What the sender wrote has no place in a log.
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(token)
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('attacker')
    }
  })

  test('never blocks a request that changes nothing', async () => {
    const { ada, site } = await visit(framework, { options: { token: 'always' } })
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://attacker.com' }
    for (const method of ['GET', 'HEAD', 'OPTIONS'])
      expect((await ada.get('/page', { method, headers })).status).toBe(200)
    expect(site.handled.filter((request) => request.endsWith('/page'))).toHaveLength(3)
  })

  test.each(['PUT', 'PATCH', 'DELETE'])('blocks %s like POST', async (method) => {
    const { outcomeOf, token } = await visit(framework)
    expect(await outcomeOf({ method, headers: { 'sec-fetch-site': 'cross-site' } })).toBe(
      'cross-site',
    )
    expect(await outcomeOf({ method })).toBe('token-missing')
    expect(await outcomeOf({ method, ...tokenIn(token) })).toBe('passed')
  })

  test('takes a token in the header from whoever sends none of the other headers', async () => {
    const { ada, outcomeOf, token } = await visit(framework)
    const other = await anotherToken(framework)
    expect(await outcomeOf({})).toBe('token-missing')
    expect(await outcomeOf(tokenIn(''))).toBe('token-missing')
    expect(await outcomeOf(tokenIn(token))).toBe('passed')
    expect(await outcomeOf(tokenIn(other))).toBe('token-invalid')
    expect(await outcomeOf(tokenIn(token.slice(0, -1)))).toBe('token-invalid')
    expect(await outcomeOf(tokenIn(flip(token)))).toBe('token-invalid')
    expect(await outcomeOf(tokenIn(`${token}, ${token}`))).toBe('token-invalid')
    expect(await outcomeOf(tokenIn('A'.repeat(8192)))).toBe('token-invalid')
    expect(await outcomeOf({ headers: { 'x-xsrf-token': token } })).toBe('token-missing')
    expect(await outcomeOf(tokenIn((await ada.get('/token')).text))).toBe('passed')
    await ada.get('/new-id')
    expect(await outcomeOf(tokenIn(token))).toBe('token-invalid')
    expect(await outcomeOf(tokenIn((await ada.get('/token')).text))).toBe('passed')
  })

  test.runIf(readsForms)('takes a token in the body', async () => {
    const { ada, outcomeOf, token } = await visit(framework)
    expect(await outcomeOf(form(`name=Ada&_csrf=${token}`))).toBe('passed')
    expect(await outcomeOf(json({ name: 'Ada', _csrf: token }))).toBe('passed')
    expect(await outcomeOf(form('name=Ada'))).toBe('token-missing')
    expect(await outcomeOf(form('_csrf='))).toBe('token-missing')
    expect(await outcomeOf(form(`_csrf=${token}&_csrf=${token}`))).toBe('token-invalid')
    expect(await outcomeOf(form(`_csrf=${token.slice(1)}`))).toBe('token-invalid')
    expect(await outcomeOf(form(`_csrf=${await anotherToken(framework)}`))).toBe('token-invalid')
    expect(await outcomeOf(form(`_csrf=${'A'.repeat(1024 * 1024)}`))).toBe('token-invalid')
    expect(await outcomeOf(json({ _csrf: [token] }))).toBe('token-invalid')
    expect(await outcomeOf(json({ _csrf: { 0: token, length: 1 } }))).toBe('token-invalid')
    expect(await outcomeOf(json({ _csrf: 1 }))).toBe('token-invalid')
    expect(await outcomeOf(json({ _csrf: null }))).toBe('token-missing')
    expect(await outcomeOf(json([token]))).toBe('token-missing')
    const inherited = `{"__proto__":{"_csrf":"${token}"}}`
    expect(await outcomeOf({ ...json(null), body: inherited })).toBe('token-missing')
    await ada.get('/new-id')
    expect(await outcomeOf(form(`_csrf=${token}`))).toBe('token-invalid')
  })

  test('takes no token from the query, where logs and Referer would have it', async () => {
    const { outcomeOf, token } = await visit(framework)
    const query = `_csrf=${token}&x-csrf-token=${token}`
    expect(await outcomeOf({}, `/post?${query}`)).toBe('token-missing')
  })

  test('refuses whoever has no session, token or not', async () => {
    const { outcomeOf, site, token } = await visit(framework)
    const eve = await browser(site)
    expect(await outcomeOf({}, '/post', eve)).toBe('token-missing')
    expect(await outcomeOf(tokenIn(token), '/post', eve)).toBe('token-invalid')
    expect(eve.cookieFor()).toBe('')
  })

  test("demands a token of each form as well, with token: 'always'", async () => {
    const { outcomeOf, token } = await visit(framework, { options: { token: 'always' } })
    const own = { 'sec-fetch-site': 'same-origin', origin: 'http://localhost' }
    expect(await outcomeOf({ headers: own })).toBe('token-missing')
    expect(await outcomeOf({ headers: { ...own, 'x-csrf-token': flip(token) } })).toBe(
      'token-invalid',
    )
    expect(await outcomeOf({ headers: { ...own, 'x-csrf-token': token } })).toBe('passed')
    const foreign = { 'sec-fetch-site': 'cross-site', 'x-csrf-token': token }
    expect(await outcomeOf({ headers: foreign })).toBe('cross-site')
  })

  test('takes other names for the token, and forgets the usual ones', async () => {
    const options = { header: 'X-XSRF-Token', field: 'authenticity_token' }
    const { outcomeOf, token } = await visit(framework, { options })
    expect(await outcomeOf({ headers: { 'x-xsrf-token': token } })).toBe('passed')
    expect(await outcomeOf(tokenIn(token))).toBe('token-missing')
    if (!readsForms) return
    expect(await outcomeOf(form(`authenticity_token=${token}`))).toBe('passed')
    expect(await outcomeOf(form(`_csrf=${token}`))).toBe('token-missing')
  })

  test('lets pages of the configured origins post', async () => {
    const options = { origins: ['https://pay.example.net'] }
    const { outcomeOf } = await visit(framework, { options })
    const from = (origin: string, site?: string) =>
      outcomeOf({ headers: { origin, ...(site && { 'sec-fetch-site': site }) } })
    expect(await from('https://pay.example.net', 'cross-site')).toBe('passed')
    expect(await from('https://pay.example.net')).toBe('passed')
    expect(await from('https://pay.example.net.attacker.com')).toBe('origin')
    expect(await from('https://attacker.com', 'cross-site')).toBe('cross-site')
  })

  test('believes what a proxy says of the public origin only where it is set to', async () => {
    const headers = {
      origin: 'https://example.org',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'example.org',
    }
    const { outcomeOf } = await visit(framework)
    expect(await outcomeOf({ headers })).toBe('origin')
    const plain = { origin: 'http://example.org', 'x-forwarded-host': 'example.org' }
    expect(await outcomeOf({ headers: plain })).toBe('origin')
    // Where the framework cannot be told of proxies, or the proxy does not tell, the option is the way.
    const listed = await visit(framework, { options: { origins: ['https://example.org'] } })
    expect(await listed.outcomeOf({ headers })).toBe('passed')
    const behind = await visit(framework, { proxied: true })
    expect(await behind.outcomeOf({ headers })).toBe(knowsProxies ? 'passed' : 'origin')
    const port = { ...headers, 'x-forwarded-host': 'example.org:8443' }
    expect(await behind.outcomeOf({ headers: port })).toBe('origin')
    const origin = 'https://example.org:8443'
    expect(await behind.outcomeOf({ headers: { ...port, origin } })).toBe(
      knowsProxies ? 'passed' : 'origin',
    )
  })

  test.runIf(hasMiddleware)('says so where it is mounted before the session', async () => {
    const { outcomeOf, token } = await visit(framework, { isMisplaced: true })
    expect(await outcomeOf({ headers: { 'sec-fetch-site': 'same-origin' } })).toBe('passed')
    expect(await outcomeOf(tokenIn(token))).toBe('no-session')
  })

  test.runIf(hasMiddleware)(
    'loads the session of a lazy mount for a token, and only then',
    async () => {
      const store = memoryStore()
      let reads = 0
      const load = store.load.bind(store)
      store.load = (handle) => {
        reads++
        return load(handle)
      }
      const { outcomeOf, token } = await visit(framework, { lazy: true }, { store })
      reads = 0
      expect(await outcomeOf({ headers: { 'sec-fetch-site': 'cross-site' } })).toBe('cross-site')
      expect(await outcomeOf({ headers: { 'sec-fetch-site': 'same-origin' } })).toBe('passed')
      expect(await outcomeOf({})).toBe('token-missing')
      expect(reads).toBe(0)
      expect(await outcomeOf(tokenIn(token))).toBe('passed')
      expect(reads).toBe(1)
    },
  )

  test('lets nothing pass while the session for a token cannot be read', async () => {
    const store = memoryStore()
    const { ada, site, token } = await visit(framework, { lazy: true }, { store })
    store.load = () => Promise.reject(new Error('down'))
    const { length } = site.handled
    expect((await ada.post('/post', tokenIn(token))).status).toBe(503)
    expect(site.handled).toHaveLength(length)
  })
})

describe('a token of 1 MiB in a header, which node:http does not let through,', () => {
  test('is refused where the platform does', async () => {
    const sessions = createSessions<Data>()
    const handler = fetchSession(sessions, () => new Response('done'), { csrf: true })
    const headers = { 'x-csrf-token': 'A'.repeat(1024 * 1024) }
    const response = await handler(new Request('http://localhost/', { method: 'POST', headers }))
    expect([response.status, await response.text()]).toEqual([403, 'Forbidden'])
    expect(response.headers.get('cache-control')).toBe('no-store')
  })
})

describe('Fetch', () => {
  test('leaves the body to the handler, which can check a form itself', async () => {
    const sessions = createSessions<Data>({ cookie: { secure: false } })
    const handler = fetchSession(sessions, async (request) => {
      const session = await sessions.getSession(request)
      if (request.method === 'GET') return new Response(await session.csrfToken())
      const fields = await request.formData()
      const status = session.verifyCsrf(fields.get('_csrf')) ? 200 : 403
      return new Response(null, { status })
    })
    const page = await handler(new Request('http://localhost/'))
    const cookie = page.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const token = await page.text()
    const post = async (body: Record<string, string>) => {
      const init = { method: 'POST', headers: { cookie }, body: new URLSearchParams(body) }
      return (await handler(new Request('http://localhost/', init))).status
    }
    expect(await post({ _csrf: token })).toBe(200)
    expect(await post({ _csrf: flip(token) })).toBe(403)
    expect(await post({})).toBe(403)
  })

  test('checks where the path of the cookie covers no session, and where handlers are nested', async () => {
    const sessions = createSessions<Data>({ cookie: { path: '/app' } })
    const inner = fetchSession(sessions, () => new Response('done'), { csrf: true })
    const outer = fetchSession(sessions, (request) => inner(request))
    for (const handler of [inner, outer])
      for (const path of ['/app/form', '/elsewhere']) {
        const send = async (site: string) => {
          const init = { method: 'POST', headers: { 'sec-fetch-site': site } }
          return (await handler(new Request(`http://localhost${path}`, init))).status
        }
        expect([await send('cross-site'), await send('same-origin')]).toEqual([403, 200])
      }
  })
})

test.each<[string, (options: CsrfOptions) => unknown]>([
  ['koa', (options) => koaCsrf(createSessions(), options)],
  ['express', (options) => expressCsrf(createSessions(), options)],
  ['node', (csrf) => nodeSession(createSessions(), () => undefined, { csrf })],
  ['fetch', (csrf) => fetchSession(createSessions(), () => new Response(), { csrf })],
])('wrong options end the start of the app: %s', (_, mount) => {
  const wrong = [{ origins: ['https://example.org/'] }, { token: 'never' }, { exclude: ['/hook'] }]
  for (const options of wrong)
    expect(() => mount(options as CsrfOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION' }),
    )
})

/** Of a visitor of another site of the same make. */
async function anotherToken(framework: Guarded): Promise<string> {
  const site = await framework.serve({ sessions: createSessions({ cookie: { secure: false } }) })
  const eve: Browser = await browser(site)
  return (await eve.get('/token')).text
}

/** The same token with one bit changed. */
function flip(token: string): string {
  return (token.startsWith('A') ? 'B' : 'A') + token.slice(1)
}
