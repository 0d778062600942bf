/** Which requests pass as the site's own: each mix of what a browser says, against a table in letters. */
import { describe, expect, test } from 'vitest'
import { judgeCsrf, ownOrigin } from '../../../src/http/csrf.ts'
import { csrfOption, resolveCsrf } from '../../../src/http/csrf-options.ts'
import type { CsrfOptions } from '../../../src/http/csrf-options.ts'

const OWN = 'https://example.org'
const ALLOWED = 'https://pay.example.net'

const methods = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
const safe: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'TRACE']

/** The columns of the table: what Origin holds. */
const origins = [
  undefined,
  OWN,
  ALLOWED,
  'null',
  'https://example.org.attacker.com',
  'https://example.org:8443',
  'http://example.org',
  'https://sibling.example.org',
  `${OWN}/`,
]

/** The columns of the rows where only Referer is left. */
const referers = [
  undefined,
  `${OWN}/cart?sku=ink`,
  `${ALLOWED}/done`,
  'https://example.org.attacker.com/https://example.org',
]

/**
 * P passes, T needs a token; else the first letter of why it is refused: `same-site`, `cross-site`,
 * `fetch-site`, `origin`, `referer`. `?` looks at Referer: see `byReferer`.
 */
const bySite: readonly [site: string | undefined, byOrigin: string][] = [
  ['same-origin', 'PPPPPPPPP'],
  ['none', 'PPPPPPPPP'],
  ['same-site', 'ssPssssss'],
  ['cross-site', 'ccPcccccc'],
  ['Same-Origin', 'fffffffff'],
  ['', 'fffffffff'],
  [undefined, '?PPoooooo'],
]
const byReferer = 'TPPr'

const words: Record<string, string> = {
  P: 'pass',
  T: 'needs-token',
  s: 'same-site',
  c: 'cross-site',
  f: 'fetch-site',
  o: 'origin',
  r: 'referer',
}

function* cells() {
  for (const method of methods)
    for (const [fetchSite, byOrigin] of bySite)
      for (const [column, origin] of origins.entries())
        for (const [last, referer] of referers.entries()) {
          const letter = byOrigin[column]!
          const verdict = words[letter === '?' ? byReferer[last]! : letter]!
          const evidence = { method, fetchSite, origin, referer, own: OWN }
          yield { evidence, verdict: safe.includes(method) ? 'pass' : verdict }
        }
}

describe('the decision', () => {
  const fallback = resolveCsrf({ origins: [ALLOWED] })
  const always = resolveCsrf({ origins: [ALLOWED], token: 'always' })

  test('is that of the table in each of 2,016 cells', () => {
    const all = [...cells()]
    const wrong = all.filter(({ evidence, verdict }) => judgeCsrf(fallback, evidence) !== verdict)
    expect(all).toHaveLength(2016)
    expect(wrong).toEqual([])
  })

  test("asks for a token as well wherever that passes, with token: 'always'", () => {
    const wrong = [...cells()].filter(({ evidence, verdict }) => {
      const unsafe = !safe.includes(evidence.method)
      const wanted = unsafe && verdict === 'pass' ? 'needs-token' : verdict
      return judgeCsrf(always, evidence) !== wanted
    })
    expect(wrong).toEqual([])
  })

  test('lets no other origin pass where none is configured', () => {
    const policy = resolveCsrf({})
    const passed = [...cells()].filter(
      ({ evidence }) =>
        evidence.method === 'POST' &&
        evidence.fetchSite !== 'same-origin' &&
        evidence.fetchSite !== 'none' &&
        evidence.origin !== OWN &&
        judgeCsrf(policy, evidence) === 'pass',
    )
    const left = passed.map(({ evidence: { fetchSite, origin, referer } }) => [
      fetchSite,
      origin,
      referer,
    ])
    expect(left).toEqual([[undefined, undefined, `${OWN}/cart?sku=ink`]])
  })

  test.each(['post', 'get', 'PROPFIND', 'QUERY', 'GET ', ''])(
    'takes a method that it does not know for one that changes something: %j',
    (method) => {
      const evidence = { method, fetchSite: 'cross-site', origin: OWN, referer: OWN, own: OWN }
      expect(judgeCsrf(fallback, evidence)).toBe('cross-site')
    },
  )

  test.each([
    'same-origin, cross-site',
    'same-origin,same-origin',
    ' same-origin',
    'SAME-ORIGIN',
    'same_origin',
    'NONE',
    'null',
    'undefined',
    '*',
    '"same-origin"',
    'same-origin\0',
  ])('refuses a Sec-Fetch-Site that no browser sends: %j', (fetchSite) => {
    const evidence = { method: 'POST', fetchSite, origin: ALLOWED, referer: OWN, own: OWN }
    expect(judgeCsrf(fallback, evidence)).toBe('fetch-site')
  })

  test.each([
    'https://EXAMPLE.org',
    'https://example.org.',
    'https://example.org:443',
    'https://example.org/cart',
    'https://example.org, https://attacker.com',
    'https://attacker.com, https://example.org',
    'https://user@example.org',
    'https://example.org@attacker.com',
    'https://example.org\\@attacker.com',
    'https://exаmple.org',
    'https://xn--exmple-4nf.org',
    'example.org',
    '//example.org',
    'https:example.org',
    'https://',
    'file://',
    'null',
    'undefined',
    '',
    ' ',
  ])('refuses an Origin that is not ours to the letter: %j', (origin) => {
    const evidence = { method: 'POST', fetchSite: undefined, origin, referer: OWN, own: OWN }
    expect(judgeCsrf(fallback, evidence)).toBe('origin')
  })

  test.each([
    'https://example.org@attacker.com/',
    'https://attacker.com/?https://example.org',
    'https://attacker.com/#https://example.org/',
    'https://example.org:8443/',
    'http://example.org/',
    'https://sub.example.org/',
    'https://org/example.org',
    'data:text/html,https://example.org',
    'blob:https://attacker.com/1',
    'about:blank',
    'about:srcdoc',
    'javascript:0',
    'file:///etc/passwd',
    'example.org',
    '/cart',
    'null',
    '',
  ])('refuses a Referer of another origin, or of none: %j', (referer) => {
    const evidence = { method: 'POST', fetchSite: undefined, origin: undefined, referer, own: OWN }
    expect(judgeCsrf(fallback, evidence)).toBe('referer')
  })

  test('refuses every page where the own origin is not known and none is configured', () => {
    const known = { method: 'POST', fetchSite: undefined, referer: undefined, own: undefined }
    for (const origin of ['undefined', 'null', OWN])
      expect(judgeCsrf(resolveCsrf({}), { ...known, origin })).toBe('origin')
    for (const referer of ['undefined', 'null', OWN, 'about:blank'])
      expect(judgeCsrf(resolveCsrf({}), { ...known, origin: undefined, referer })).toBe('referer')
  })
})

describe('the own origin', () => {
  test.each([
    [true, 'example.org', 'https://example.org'],
    [true, 'EXAMPLE.org:443', 'https://example.org'],
    [true, 'example.org:80', 'https://example.org:80'],
    [false, 'example.org:80', 'http://example.org'],
    [false, 'localhost:3000', 'http://localhost:3000'],
    [false, '127.0.0.1:3000', 'http://127.0.0.1:3000'],
    [true, '[::1]:3000', 'https://[::1]:3000'],
    [true, 'bücher.example', 'https://xn--bcher-kva.example'],
  ])('is written as browsers write it: secure %s, %s', (secure, host, origin) => {
    expect(ownOrigin(secure, host)).toBe(origin)
  })

  test.each([
    undefined,
    '',
    ' ',
    'example.org/attacker',
    'user@example.org',
    'example.org#',
    'example.org?',
    'example.org\\attacker',
    'example.org, attacker.com',
    'example.org attacker.com',
    'example.org:99999',
    '[::1',
    'a'.repeat(300),
  ])('is not known from a Host that is none: %j', (host) => {
    expect(ownOrigin(true, host)).toBeUndefined()
  })
})

describe('the options', () => {
  test('are complete without any', () => {
    const defaults = {
      origins: new Set(),
      token: 'fallback',
      header: 'x-csrf-token',
      field: '_csrf',
    }
    expect(resolveCsrf({})).toEqual(defaults)
    expect(csrfOption({ csrf: true }, ['csrf'])).toEqual(defaults)
    expect(csrfOption({ csrf: {} }, ['csrf'])).toEqual(defaults)
    expect(csrfOption({ csrf: false }, ['csrf'])).toBeUndefined()
    expect(csrfOption({}, ['csrf'])).toBeUndefined()
  })

  test.each([
    ['capacitor://localhost/cart', 'pass'],
    ['capacitor://localhost', 'pass'],
    ['capacitor://localhost.attacker.com/cart', 'referer'],
    ['capacitor://localhost@attacker.com/cart', 'referer'],
    ['capacitor:localhost', 'referer'],
  ])('know the origin of a page inside of an app by its Referer too: %s', (referer, verdict) => {
    const policy = resolveCsrf({ origins: ['capacitor://localhost'] })
    const evidence = { method: 'POST', fetchSite: undefined, origin: undefined, referer, own: OWN }
    expect(judgeCsrf(policy, evidence)).toBe(verdict)
  })

  test('take header names in any case, because HTTP does', () => {
    expect(resolveCsrf({ header: 'X-XSRF-Token' }).header).toBe('x-xsrf-token')
  })

  test.each([
    'https://example.org',
    'http://localhost:3000',
    'https://[::1]:8443',
    'https://xn--bcher-kva.example',
    'capacitor://localhost',
    'chrome-extension://aabbccddeeffgghhiijjkkllmmnnoopp',
  ])('take an origin as browsers write it: %s', (origin) => {
    expect(resolveCsrf({ origins: [origin] }).origins).toEqual(new Set([origin]))
  })

  test.each([
    ['https://Example.org', 'https://example.org'],
    ['https://example.org/', 'https://example.org'],
    ['https://example.org:443', 'https://example.org'],
    ['https://example.org/cart', 'https://example.org'],
    ['https://user@example.org', 'https://example.org'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
  ])('refuse an origin in another spelling and name the right one: %s', (origin, meant) => {
    expect(() => resolveCsrf({ origins: [origin] })).toThrow(`Did you mean '${meant}'?`)
  })

  test.each([
    [{ origins: ['null'] }],
    [{ origins: ['*'] }],
    [{ origins: ['https://*.example.org'] }],
    [{ origins: [''] }],
    [{ origins: ['example.org'] }],
    [{ origins: ['file://'] }],
    [{ origins: ['data:text/html,'] }],
    [{ origins: ['blob:https://example.org/1'] }],
    [{ origins: [new URL('https://example.org')] }],
    [{ origins: [undefined] }],
    [{ origins: 'https://example.org' }],
    [{ origins: {} }],
    [{ token: 'never' }],
    [{ token: true }],
    [{ header: '' }],
    [{ header: 'x csrf' }],
    [{ header: 'x-csrf\r\n' }],
    [{ header: 1 }],
    [{ field: '' }],
    [{ field: ['_csrf'] }],
    [{ origin: ['https://example.org'] }],
    [{ cookie: true }],
    [[]],
    ['always'],
    [1],
    [true],
    [false],
    [null],
  ])('refuse %j at construction', (options) => {
    const refusal = expect.objectContaining({ code: 'ERR_OPTION' })
    expect(() => resolveCsrf(options as CsrfOptions)).toThrow(refusal)
  })

  test.each([[{ csfr: true }], [{ csrf: 'yes' }], [{ csrf: null }], [true], [null]])(
    'of withSession refuse %j at construction',
    (options) => {
      const refusal = expect.objectContaining({ code: 'ERR_OPTION' })
      expect(() => csrfOption(options as object, ['csrf'])).toThrow(refusal)
    },
  )
})
