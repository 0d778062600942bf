/** The id in a header of its own, for clients without cookies. */
import { describe, expect, test } from 'vitest'
import type { SessionId } from '../../../src/core/id.ts'
import type { RequestHead } from '../../../src/core/transport.ts'
import { headerTransport } from '../../../src/http/header-transport.ts'
import type { HeaderTransportOptions } from '../../../src/http/header-transport.ts'
import { createSessions } from '../../../src/index.ts'
import { memoryStore } from '../../../src/memory/index.ts'

const SECRET = 'qA9x7Lr2Vn5Tz8Kc3Jw6Ym1Pd4Hf0Gb_'
const id = 'abcX3vN8rT5wY1zB7kM2pL9sQ4hJ6gF0dC' as SessionId

describe('a request brings its id', () => {
  test.each<[string, HeaderTransportOptions, Record<string, string>]>([
    ['in x-session-id', {}, { 'x-session-id': id }],
    ['in a header of another name', { name: 'X-App-Session' }, { 'x-app-session': id }],
    ['as a bearer token', { bearer: true }, { authorization: `Bearer ${id}` }],
    ['as a bearer token in other letters', { bearer: true }, { authorization: `bearer  ${id} ` }],
  ])('%s', (_title, options, headers) => {
    expect(headerTransport(options).read(request(headers))).toEqual({ ids: [id] })
  })

  test('on every path', () => {
    expect(headerTransport().covers(request({}, '/any/where'))).toBe(true)
  })
})

describe('a request without an id of ours', () => {
  test.each<[string, HeaderTransportOptions, Record<string, string>, unknown]>([
    ['has none', {}, {}, { ids: [] }],
    ['with an empty header has none', {}, { 'x-session-id': '' }, { ids: [] }],
    ['with a cookie has none', {}, { cookie: `x-session-id=${id}` }, { ids: [] }],
    [
      'with two ids in one header is malformed',
      {},
      { 'x-session-id': `${id}, ${id}` },
      { ids: [], rejected: 'malformed' },
    ],
    [
      'with basic authorization has none',
      { bearer: true },
      { authorization: `Basic ${id}` },
      { ids: [] },
    ],
    [
      'with an empty bearer token has none',
      { bearer: true },
      { authorization: 'Bearer ' },
      { ids: [] },
    ],
    [
      'with two bearer tokens has none',
      { bearer: true },
      { authorization: `Bearer ${id} ${id}` },
      { ids: [] },
    ],
    [
      'with the token of another service is malformed',
      { bearer: true },
      { authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.ZRrHA1JJJW8opsbCGfG_HACGpVUMN_a9IBXcV' },
      { ids: [], rejected: 'malformed' },
    ],
    [
      'without a signature is malformed',
      { secret: SECRET },
      { 'x-session-id': id },
      { ids: [], rejected: 'malformed' },
    ],
  ])('%s', (_title, options, headers, claim) => {
    expect(headerTransport(options).read(request(headers))).toEqual(claim)
  })
})

describe('a response', () => {
  test('carries a new id, and forbids caches to keep it', () => {
    expect(headerTransport().write(request({}), { kind: 'set', id }, 0)).toEqual([
      ['x-session-id', id],
      ['Cache-Control', 'no-store'],
    ])
  })

  test('carries an empty header where the session ended', () => {
    expect(headerTransport({ name: 'X-App' }).write(request({}), { kind: 'clear' }, 0)).toEqual([
      ['X-App', ''],
      ['Cache-Control', 'no-store'],
    ])
  })

  test('carries a signed id, which opens under this name only', () => {
    const transport = headerTransport({ secret: SECRET })
    const [[, sealed]] = transport.write(request({}), { kind: 'set', id }, 0) as [[string, string]]
    expect(transport.read(request({ 'x-session-id': sealed }))).toEqual({ ids: [id] })
    expect(
      headerTransport({ secret: SECRET, name: 'x-other' }).read(request({ 'x-other': sealed })),
    ).toEqual({ ids: [], rejected: 'signature' })
  })
})

describe('an option is refused:', () => {
  test.each<[string, object]>([
    ['an empty name', { name: '' }],
    ['a name with a space', { name: 'x session' }],
    ['a name with a colon', { name: 'x:y' }],
    ['a name that injects', { name: 'x\r\ny' }],
    ['a name that is no text', { name: 5 }],
    ['null for a name', { name: null }],
    ['bearer in words', { bearer: 'yes' }],
    ['a weak secret', { secret: 'keyboard cat' }],
    ['a typing error', { beaerer: true }],
    ['null for all options', null as unknown as object],
  ])('%s', (_title, options) => {
    expect(() => headerTransport(options)).toThrow(
      expect.objectContaining({
        code: 'ERR_OPTION',
        message: expect.stringMatching(/header|secret/),
      }),
    )
  })
})

test('a session goes on over the header, from its first response to its end', async () => {
  const sessions = createSessions({
    transport: headerTransport({ bearer: true }),
    store: memoryStore(),
  })
  let token: string | undefined
  const send = async (act: (session: Record<string, unknown>) => unknown): Promise<void> => {
    const head = request(token === undefined ? {} : { authorization: `Bearer ${token}` })
    const visit = sessions.begin(head)
    const session = await visit?.load()
    await act(session as unknown as Record<string, unknown>)
    await visit?.settle()
    for (const [name, value] of visit?.headerLines() ?? [])
      if (name === 'x-session-id') token = value
  }
  await send((session) => (session['user'] = 'ann'))
  expect(token).toMatch(/^[\w-]{46}$/)
  await send((session) => expect(session['user']).toBe('ann'))
  await send((session) => (session['destroy'] as () => Promise<void>).call(session))
  expect(token).toBe('')
})

function request(headers: Record<string, string>, path = '/'): RequestHead {
  return { header: (name) => headers[name], path, secure: true, source: {} }
}
