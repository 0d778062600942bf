/** The session cookie as it comes in and as it goes out. */
import * as fc from 'fast-check'
import { parse } from 'tough-cookie'
import { describe, expect, test } from 'vitest'
import { newSessionId } from '../../../src/core/id.ts'
import type { SessionId } from '../../../src/core/id.ts'
import type {
  Claim,
  HeaderLine,
  Instruction,
  RequestHead,
  Transport,
} from '../../../src/core/transport.ts'
import { cookieTransport } from '../../../src/http/cookie-transport.ts'
import { createSessions } from '../../../src/index.ts'
import type { CookieOptions } from '../../../src/index.ts'
import { memoryStore } from '../../../src/memory/index.ts'
import { Visitor } from '../../support/visitor.ts'

const SECRET = 'qA9x7Lr2Vn5Tz8Kc3Jw6Ym1Pd4Hf0Gb_'
const DAY = 86_400_000
const NOW = Date.UTC(2026, 0, 1)

const id = 'abcX3vN8rT5wY1zB7kM2pL9sQ4hJ6gF0dC' as SessionId
const other = 'xyzQ9sL2pM7kB1zY5wT8rN3vX0dC4hJ6gF' as SessionId

const secure = cookieTransport({ secure: true })
const signed = cookieTransport({ secure: true }, SECRET)
const sealed = valueIn(line(signed, { kind: 'set', id }))

describe('a request brings', () => {
  test.each<[title: string, header: string | undefined, claim: Claim]>([
    ['nothing', undefined, { ids: [] }],
    ['an empty header', '', { ids: [] }],
    ['cookies of others', 'a=b; c=d', { ids: [] }],
    ['the session cookie', `__Host-sid=${id}`, { ids: [id] }],
    ['it among others', `a=b; __Host-sid=${id}; c=d`, { ids: [id] }],
    ['it without spaces between', `a=b;__Host-sid=${id};c=d`, { ids: [id] }],
    ['it with spaces around', `  a=b ;   __Host-sid=${id}   `, { ids: [id] }],
    ['it with a value in percent-encoding', `__Host-sid=%61${id.slice(1)}`, { ids: [id] }],
    ['it twice with the same value', `__Host-sid=${id}; __Host-sid=${id}`, { ids: [id] }],
    ['it twice', `__Host-sid=${id}; __Host-sid=${other}`, { ids: [id, other] }],
    ['garbage and then it', `__Host-sid=x; __Host-sid=${id}`, { ids: [id] }],
    ['it and then garbage', `__Host-sid=${id}; __Host-sid=%00; __Host-sid`, { ids: [id] }],
    ['only garbage', '__Host-sid=hello', { ids: [], rejected: 'malformed' }],
    ['an empty value', '__Host-sid=', { ids: [], rejected: 'malformed' }],
    ['a value in quotes', `__Host-sid="${id}"`, { ids: [], rejected: 'malformed' }],
    ['a broken escape', '__Host-sid=%', { ids: [], rejected: 'malformed' }],
    ['an escape of half a letter', '__Host-sid=%E2%28%A1', { ids: [], rejected: 'malformed' }],
    ['an escaped semicolon', `__Host-sid=${id}%3B`, { ids: [], rejected: 'malformed' }],
    ['a value with an equals sign', `__Host-sid=${id}=`, { ids: [], rejected: 'malformed' }],
    ['a line break', `__Host-sid=${id}\n`, { ids: [id] }],
    ['a name without a value', '__Host-sid', { ids: [] }],
    ['the name as a value', `a=__Host-sid=${id}`, { ids: [] }],
    ['a name that begins alike', `__Host-sid2=${id}`, { ids: [] }],
    ['a name that ends alike', `x__Host-sid=${id}`, { ids: [] }],
    // Browsers take the prefix in any capitals for a promise; only ours is.
    ['the prefix in capitals', `__HOST-sid=${id}`, { ids: [] }],
    ['the prefix in small letters', `__host-sid=${id}`, { ids: [] }],
    ['the name in capitals', `__Host-SID=${id}`, { ids: [] }],
    ['the name in percent-encoding', `__Host%2Dsid=${id}`, { ids: [] }],
    ['the prefix hidden behind a nameless cookie', `=__Host-sid=${id}`, { ids: [] }],
    ['a comma in place of the semicolon', `a=b, __Host-sid=${id}`, { ids: [] }],
    [
      'more than 64 kB',
      `a=${'b'.repeat(65_536)}; __Host-sid=${id}`,
      { ids: [], rejected: 'malformed' },
    ],
    ['more than 64 kB of others', `a=${'b'.repeat(65_536)}`, { ids: [] }],
  ])('%s', (_title, header, claim) => {
    expect(secure.read(request({ cookie: header }))).toEqual(claim)
  })

  test.each<[title: string, header: string, claim: Claim]>([
    ['a signed cookie', `__Host-sid=${sealed}`, { ids: [id] }],
    ['one in percent-encoding', `__Host-sid=${sealed.replace('.', '%2E')}`, { ids: [id] }],
    ['one without its signature', `__Host-sid=${id}`, { ids: [], rejected: 'malformed' }],
    ['one with another signature', `__Host-sid=${id}.x`, { ids: [], rejected: 'signature' }],
    ['a forged one and it', `__Host-sid=${other}.x; __Host-sid=${sealed}`, { ids: [id] }],
    ['it and a forged one', `__Host-sid=${sealed}; __Host-sid=${other}.x`, { ids: [id] }],
  ])('%s', (_title, header, claim) => {
    expect(signed.read(request({ cookie: header }))).toEqual(claim)
  })

  test('of 100,000 Cookie headers nothing but values of its name, and none that was not signed', () => {
    const count = { headers: 0, ids: 0, signed: 0, rejected: 0 }
    fc.assert(
      fc.property(cookieHeaders(), (header) => {
        const head = request({ cookie: header })
        const values = valuesOf(header, '__Host-sid')
        const claim = secure.read(head)
        const opened = signed.read(head)
        count.headers++
        count.ids += claim.ids.length
        count.signed += opened.ids.length
        if (opened.rejected) count.rejected++
        const isIssued = values.includes(sealed)
        return (
          claim.ids.every((one) => values.includes(one) && /^[\w-]{25,160}$/.test(one)) &&
          opened.ids.length === (isIssued ? 1 : 0) &&
          opened.ids.every((one) => one === id)
        )
      }),
      { numRuns: 100_000 },
    )
    expect(count.headers).toBe(100_000)
    // The generator hits what matters: a good part of the headers holds ids, signed ids and forgeries.
    expect(Math.min(count.ids, count.signed, count.rejected)).toBeGreaterThan(1000)
  })

  test('an id that nobody issued, and gets another one', async () => {
    const sessions = createSessions({ cookie: { secure: true }, store: memoryStore() })
    const visitor = new Visitor(sessions, `__Host-sid=${id}`)
    await visitor.visit((session) => void (session['a'] = 1))
    expect(visitor.cookie).toMatch(/^__Host-sid=/)
    expect(visitor.cookie).not.toContain(id)
  })

  test('five ids at once, and is not worth five reads', async () => {
    const store = memoryStore()
    let reads = 0
    const load = store.load.bind(store)
    store.load = (handle) => {
      reads++
      return load(handle)
    }
    const sessions = createSessions({ cookie: { secure: true }, store })
    const rejected: unknown[] = []
    sessions.events.on('rejected', (event) => rejected.push(event))
    const cookies = ['1', '2', '3', '4', '5'].map((n) => `__Host-sid=${n}${id}`).join('; ')
    await new Visitor(sessions, cookies).visit((session) => expect({ ...session }).toEqual({}))
    expect(reads).toBe(0)
    expect(rejected).toEqual([{ reason: 'ambiguous' }])
  })

  test('a planted cookie beside the real one, and has the real session, whatever their order', async () => {
    const sessions = createSessions({ cookie: { secure: true }, store: memoryStore() })
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void (session['user'] = 'ann'))
    const [real, planted] = [visitor.cookie, `__Host-sid=${other}`]
    for (const cookie of [`${real}; ${planted}`, `${planted}; ${real}`]) {
      const user = await new Visitor(sessions, cookie).visit((session) => session['user'])
      expect(user).toBe('ann')
    }
  })

  test('two live sessions at once, and is given neither', async () => {
    const sessions = createSessions({ cookie: { secure: true }, store: memoryStore() })
    const [ann, mallory] = [new Visitor(sessions), new Visitor(sessions)]
    await ann.visit((session) => void (session['user'] = 'ann'))
    await mallory.visit((session) => void (session['user'] = 'mallory'))
    for (const cookie of [`${ann.cookie}; ${mallory.cookie}`, `${mallory.cookie}; ${ann.cookie}`]) {
      const user = await new Visitor(sessions, cookie).visit((session) => session['user'])
      expect(user).toBeUndefined()
    }
  })
})

describe('a response sets the cookie', () => {
  test('of 333 bytes at the most, where browsers keep 4,096, and it can be read', async () => {
    const longest = await newSessionId('abc', () => 'x'.repeat(157), undefined)
    await expect(newSessionId('abc', () => 'x'.repeat(158), undefined)).rejects.toThrow(/157/)
    const name = 'n'.repeat(128)
    expect(() => cookieTransport({ name: `${name}n` })).toThrow(/cookie\.name/)
    const transport = cookieTransport({ name, secure: true }, SECRET)
    const [pair = ''] = line(transport, { kind: 'set', id: longest }).split(';')
    // The name, an equals sign, tag and id, a dot, and a signature of 256 bits.
    expect(pair).toHaveLength(128 + 1 + 160 + 1 + 43)
    expect(transport.read(request({ cookie: pair }))).toEqual({ ids: [longest] })
  })

  test.each<[title: string, options: CookieOptions, line: string]>([
    [
      'with the defaults of production',
      { secure: true },
      `__Host-sid=${id}; Path=/; HttpOnly; Secure; SameSite=Lax`,
    ],
    [
      'with every attribute',
      {
        name: '__Secure-app',
        domain: 'example.org',
        path: '/app',
        secure: true,
        sameSite: 'none',
        partitioned: true,
        priority: 'high',
      },
      `__Secure-app=${id}; Domain=example.org; Path=/app; HttpOnly; Secure; Partitioned; Priority=High; SameSite=None`,
    ],
    [
      'for scripts, where that is asked for',
      { secure: true, httpOnly: false, sameSite: 'strict' },
      `__Host-sid=${id}; Path=/; Secure; SameSite=Strict`,
    ],
    [
      'over plain http, where that is asked for',
      { secure: false },
      `sid=${id}; Path=/; HttpOnly; SameSite=Lax`,
    ],
  ])('%s', (_title, options, expected) => {
    expect(line(cookieTransport(options), { kind: 'set', id })).toBe(expected)
  })

  test('signed, where there is a secret', () => {
    expect(line(signed, { kind: 'set', id })).toBe(
      `__Host-sid=${id}.pxB7NtesTdG0H25pVLopms7wGJ4TiPjcYSzKLgnu73Q; Path=/; HttpOnly; Secure; SameSite=Lax`,
    )
  })

  test('with Secure over TLS and without it otherwise, where secure is auto', () => {
    const auto = cookieTransport({ secure: 'auto' })
    expect(line(auto, { kind: 'set', id }, true)).toContain('; Secure')
    expect(line(auto, { kind: 'set', id }, false)).not.toContain('Secure')
  })

  test.each<[title: string, until: number, maxAge: number]>([
    ['the end of the session', NOW + DAY, 86_400],
    ['whole seconds, rounded down', NOW + 1999, 1],
    ['at least a second, or it would be a deletion', NOW + 1, 1],
    ['at least a second, also when the session is over', NOW - DAY, 1],
    ['at most 400 days, as browsers allow', NOW + 1000 * DAY, 400 * 86_400],
  ])('with an end of its own: %s', (_title, until, maxAge) => {
    const text = line(secure, { kind: 'set', id, until })
    const expires = new Date(NOW + maxAge * 1000).toUTCString()
    expect(text).toBe(
      `__Host-sid=${id}; Max-Age=${maxAge}; Path=/; Expires=${expires}; HttpOnly; Secure; SameSite=Lax`,
    )
  })

  test('and clears it in the scope in which it was set', () => {
    const options: CookieOptions = {
      name: '__Secure-app',
      domain: 'example.org',
      path: '/app',
      secure: true,
      sameSite: 'none',
      partitioned: true,
      priority: 'low',
    }
    const transport = cookieTransport(options, SECRET)
    const cleared = line(transport, { kind: 'clear' })
    expect(cleared).toBe(
      '__Secure-app=; Max-Age=0; Domain=example.org; Path=/app; Expires=Thu, 01 Jan 1970 00:00:00 GMT; ' +
        'HttpOnly; Secure; Partitioned; Priority=Low; SameSite=None',
    )
    const scopeOf = (text: string): unknown => {
      const { key, domain, path, secure: isSecure, sameSite } = parse(text) ?? {}
      return { key, domain, path, isSecure, sameSite }
    }
    expect(scopeOf(cleared)).toEqual(scopeOf(line(transport, { kind: 'set', id })))
  })

  test.each<[string, Instruction]>([
    ['sets', { kind: 'set', id }],
    ['clears', { kind: 'clear' }],
  ])('that no cache may keep, when it %s the cookie', (_title, instruction) => {
    expect(secure.write(request({}), instruction, NOW)).toEqual([
      ['Set-Cookie', expect.stringMatching(/^__Host-sid=/)],
      ['Cache-Control', 'no-store'],
    ])
  })

  test('that a browser takes as it was meant', () => {
    const cookie = parse(line(secure, { kind: 'set', id, until: NOW + DAY }))
    expect(cookie).toMatchObject({
      key: '__Host-sid',
      value: id,
      path: '/',
      secure: true,
      httpOnly: true,
      sameSite: 'lax',
      maxAge: 86_400,
      domain: null,
    })
  })
})

describe('options that depend on the request', () => {
  const tenants: Record<string, CookieOptions> = {
    a: { name: '__Secure-a', secure: true, path: '/a' },
    b: { name: '__Secure-b', secure: true, path: '/b' },
  }
  const transport = cookieTransport(
    (source) => tenants[(source as { tenant: string }).tenant] ?? {},
  )
  const of = (tenant: string, cookie?: string): RequestHead => ({
    ...request({ cookie }, `/${tenant}`),
    source: { tenant },
  })

  test('name, scope and read the cookie of that request', () => {
    const both = `__Secure-a=${id}; __Secure-b=${other}`
    expect(transport.read(of('a', both))).toEqual({ ids: [id] })
    expect(transport.read(of('b', both))).toEqual({ ids: [other] })
    const written = transport.write(of('b'), { kind: 'set', id }, NOW)
    expect(setCookieIn(written)).toBe(`__Secure-b=${id}; Path=/b; HttpOnly; Secure; SameSite=Lax`)
    expect(transport.covers(of('a'))).toBe(true)
    expect(transport.covers({ ...of('a'), path: '/b' })).toBe(false)
  })

  test('give a signature that another tenant does not accept', () => {
    const own = cookieTransport(
      (source) => tenants[(source as { tenant: string }).tenant] ?? {},
      SECRET,
    )
    const value = valueIn(setCookieIn(own.write(of('a'), { kind: 'set', id }, NOW)))
    expect(own.read(of('a', `__Secure-a=${value}`))).toEqual({ ids: [id] })
    expect(own.read(of('b', `__Secure-b=${value}`))).toEqual({ ids: [], rejected: 'signature' })
  })

  test('cannot say that the cookie outlives the browser: that is kept with each session', () => {
    const lasting = cookieTransport(() => ({ persistent: true }))
    expect(() => lasting.read(request({}))).toThrow(/setLifetime/)
  })

  test('are refused with ERR_OPTION when they are wrong, and a weak secret at once', () => {
    const wrong = cookieTransport(() => ({ path: 'app' }))
    const refused = expect.objectContaining({ code: 'ERR_OPTION' })
    expect(() => wrong.read(request({}))).toThrow(refused)
    expect(() => cookieTransport(() => ({}), 'keyboard cat')).toThrow(refused)
    const nothing = cookieTransport(() => undefined as unknown as CookieOptions)
    expect(() => nothing.read(request({}))).toThrow(refused)
  })
})

function request(
  headers: Record<string, string | undefined>,
  path = '/',
  isSecure = true,
): RequestHead {
  return { header: (name) => headers[name], path, secure: isSecure, source: {} }
}

/** The Set-Cookie line of a response. */
function line(transport: Transport, instruction: Instruction, isSecure = true): string {
  return setCookieIn(transport.write(request({}, '/', isSecure), instruction, NOW))
}

function setCookieIn(lines: readonly HeaderLine[]): string {
  return lines.find(([name]) => name === 'Set-Cookie')?.[1] ?? ''
}

function valueIn(setCookie: string): string {
  return /=([^;]*)/.exec(setCookie)?.[1] ?? ''
}

/** All values of a name, by the letter of RFC 6265bis section 4.2.1: pairs between semicolons. */
function valuesOf(header: string, name: string): string[] {
  return header.split(';').flatMap((pair) => {
    const [key, ...rest] = pair.trim().split('=')
    const value = rest.join('=').trim()
    return key === name ? [value, decoded(value)] : []
  })
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

function cookieHeaders(): fc.Arbitrary<string> {
  const name = fc.constantFrom(
    '__Host-sid',
    '__Host-sid',
    '__host-sid',
    'sid',
    ' __Host-sid',
    '',
    'a',
  )
  const value = fc.oneof(
    fc.constantFrom(id, other, sealed, `${id}.${'A'.repeat(43)}`, `"${id}"`, `%61${id.slice(1)}`),
    fc.constantFrom('', '%', '%00', '"', '\\', '\u0000', 'é', '=', ',', `${sealed}x`, `${sealed} `),
    fc.string({ maxLength: 30 }),
    fc.stringMatching(/^[\w-]{25,50}$/),
  )
  const pair = fc.tuple(name, fc.constantFrom('=', '=', '=', ' = ', '', '=='), value)
  const separator = fc.constantFrom('; ', ';', ' ;', ', ', ';;', '\t;\n')
  return fc
    .tuple(fc.array(pair, { maxLength: 5 }), separator)
    .map(([pairs, between]) => pairs.map((parts) => parts.join('')).join(between))
}
