/** Wrong cookie attributes are refused when the application starts: browsers drop them in silence. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { resolveCookie } from '../../../src/http/cookie-options.ts'
import type { CookieOptions } from '../../../src/http/cookie-options.ts'

beforeEach(() => void vi.stubEnv('NODE_ENV', 'test'))
afterEach(() => void vi.unstubAllEnvs())

describe('the name of the cookie, where none is given', () => {
  test.each<[string, CookieOptions, string, boolean | 'auto']>([
    ['production', {}, '__Host-sid', true],
    ['production', { path: '/app' }, '__Secure-sid', true],
    ['production', { domain: 'example.org' }, '__Secure-sid', true],
    ['production', { secure: 'auto' }, 'sid', 'auto'],
    ['production', { secure: false }, 'sid', false],
    ['development', {}, 'sid', 'auto'],
    ['development', { secure: true }, '__Host-sid', true],
    ['', {}, 'sid', 'auto'],
    ['Production', {}, 'sid', 'auto'],
  ])('with NODE_ENV=%s and %o is %s', (environment, options, name, secure) => {
    vi.stubEnv('NODE_ENV', environment)
    expect(resolveCookie(options)).toMatchObject({ name, secure })
  })
})

test('the defaults are the safe ones', () => {
  vi.stubEnv('NODE_ENV', 'production')
  expect(resolveCookie({})).toEqual({
    name: '__Host-sid',
    domain: undefined,
    path: '/',
    secure: true,
    sameSite: 'lax',
    httpOnly: true,
    persistent: false,
    partitioned: false,
    priority: undefined,
  })
})

describe('a cookie option is refused:', () => {
  test.each<[title: string, options: object, says: RegExp]>([
    ['an empty name', { name: '' }, /cookie\.name must be a token/],
    ['a name with a space', { name: 'my sid' }, /cookie\.name/],
    ['a name with a semicolon', { name: 'a;b' }, /cookie\.name/],
    ['a name with an equals sign', { name: 'a=b' }, /cookie\.name/],
    ['a name with a line break', { name: 'a\r\nSet-Cookie' }, /cookie\.name/],
    ['a name outside of ASCII', { name: 'sitzung-ä' }, /cookie\.name/],
    ['a name too long', { name: 'a'.repeat(129) }, /cookie\.name/],
    ['a name that is no text', { name: 5 }, /cookie\.name/],
    ['null for a name', { name: null }, /cookie\.name/],
    ['an empty domain', { domain: '' }, /cookie\.domain must be a host name/],
    ['a domain with a scheme', { domain: 'https://example.org' }, /cookie\.domain/],
    ['a domain with a port', { domain: 'example.org:8080' }, /cookie\.domain/],
    ['a domain with a path', { domain: 'example.org/a' }, /cookie\.domain/],
    ['a domain that injects', { domain: 'example.org; Path=/x' }, /cookie\.domain/],
    ['a domain that is no text', { domain: true }, /cookie\.domain/],
    ['null for a domain', { domain: null }, /cookie\.domain/],
    ['a path without a slash', { path: 'app' }, /cookie\.path must start with a slash/],
    ['an empty path', { path: '' }, /cookie\.path/],
    ['a path that injects', { path: '/; Domain=evil.example' }, /cookie\.path/],
    ['a path with a line break', { path: '/\r\nX: y' }, /cookie\.path/],
    ['a path too long', { path: `/${'a'.repeat(1024)}` }, /cookie\.path/],
    ['a path that is no text', { path: /a/ }, /cookie\.path/],
    ['secure in words', { secure: 'yes' }, /cookie\.secure must be true, false or 'auto'/],
    ['secure as a number', { secure: 1 }, /cookie\.secure/],
    ['sameSite in capitals', { sameSite: 'Lax' }, /cookie\.sameSite must be 'lax'/],
    ['sameSite as a boolean', { sameSite: true }, /cookie\.sameSite/],
    ['httpOnly in words', { httpOnly: 'true' }, /cookie\.httpOnly must be true or false/],
    ['persistent as a number', { persistent: 1 }, /cookie\.persistent must be true or false/],
    ['partitioned as null', { partitioned: null }, /cookie\.partitioned must be true or false/],
    ['a priority unknown', { priority: 'urgent' }, /cookie\.priority must be 'low'/],
    ['maxAge of other libraries', { maxAge: 60_000 }, /idleTimeout and absoluteTimeout/],
    ['expires of other libraries', { expires: new Date() }, /idleTimeout and absoluteTimeout/],
    ['signed of other libraries', { signed: true }, /createSessions is given a secret/],
    ['a typing error', { sameSIte: 'lax' }, /no option 'sameSIte': it takes name, domain, path/],
    // What a browser would drop without a word.
    ['__Host- without secure', { name: '__Host-sid', secure: false }, /needs cookie\.secure: true/],
    ['__Host- with auto', { name: '__Host-sid', secure: 'auto' }, /needs cookie\.secure: true/],
    ['__Host- by default in development', { name: '__Host-sid' }, /needs cookie\.secure: true/],
    ['__Secure- without secure', { name: '__Secure-s', secure: false }, /cookie\.secure: true/],
    ['__Http- without secure', { name: '__Http-s', secure: false }, /cookie\.secure: true/],
    ['__HOST- in capitals', { name: '__HOST-sid', secure: false }, /cookie\.secure: true/],
    [
      '__Host- with a path',
      { name: '__Host-sid', secure: true, path: '/app' },
      /needs path '\/' and no domain; name it __Secure-/,
    ],
    [
      '__Host- with a domain',
      { name: '__Host-sid', secure: true, domain: 'example.org' },
      /needs path '\/' and no domain/,
    ],
    [
      '__host- in small letters with a domain',
      { name: '__host-sid', secure: true, domain: 'example.org' },
      /needs path '\/' and no domain/,
    ],
    ['sameSite none without secure', { sameSite: 'none' }, /'none' needs cookie\.secure: true/],
    [
      'partitioned without secure',
      { partitioned: true, secure: 'auto' },
      /cookie\.partitioned needs cookie\.secure: true/,
    ],
    ['__Http- without httpOnly', { name: '__Http-s', secure: true, httpOnly: false }, /httpOnly/],
    ['the name alone', 'sid' as unknown as object, /cookie must be an object/],
    ['null', null as unknown as object, /cookie must be an object/],
    ['a list', [] as object, /cookie must be an object/],
    ['a boolean', false as unknown as object, /cookie must be an object/],
  ])('%s', (_title, options, says) => {
    expect(() => resolveCookie(options)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', message: expect.stringMatching(says) }),
    )
  })
})

describe('a cookie option is accepted:', () => {
  test.each<[title: string, options: CookieOptions]>([
    ['a name of token characters', { name: "a!#$%&'*+-.^_`|~Z9" }],
    ['a domain with a leading dot', { domain: '.example.org' }],
    ['localhost', { domain: 'localhost' }],
    ['an international domain in its ASCII form', { domain: 'xn--mnchen-3ya.example' }],
    ['a path with an equals sign and a comma', { path: '/a=b,c' }],
    ['__Secure- with a domain', { name: '__Secure-x', secure: true, domain: 'example.org' }],
    ['sameSite none with secure', { sameSite: 'none', secure: true }],
    ['everything at once', { secure: true, partitioned: true, priority: 'high', persistent: true }],
    ['undefined, which means the default', { name: undefined } as unknown as CookieOptions],
  ])('%s', (_title, options) => {
    expect(() => resolveCookie(options)).not.toThrow()
  })
})
