/** What is asked, refused and told of a request that may come from another site's page. */
import { expect, test } from 'vitest'
import { createSessions } from '../../../src/index.ts'
import { refuseForgery } from '../../../src/http/csrf-guard.ts'
import type { CsrfRequest } from '../../../src/http/csrf-guard.ts'
import { resolveCsrf } from '../../../src/http/csrf-options.ts'
import { memoryStore } from '../../../src/memory/index.ts'

const policy = resolveCsrf({ token: 'always' })
const own = { 'sec-fetch-site': 'same-origin' }

/** A request within a session, the token of that session, and what is told. */
async function visitor() {
  const sessions = createSessions({ store: memoryStore() })
  const told: unknown[] = []
  sessions.events.on('csrfRefused', (event) => told.push(event))
  const carrier = {}
  const head = { source: carrier, path: '/', secure: true, header: () => undefined }
  sessions.begin(head, carrier)
  const token = await (await sessions.getSession(carrier)).csrfToken()
  const ask = (
    headers: Readonly<Record<string, string>>,
    { body, by = carrier, rules = policy, ...more }: Ask = {},
  ) => {
    const request = { method: 'POST', secure: true, host: 'example.org', ...more }
    return refuseForgery(sessions, rules, by, {
      ...request,
      header: (name) => headers[name],
      body: () => body,
    })
  }
  return { ask, token, told }
}
type Ask = Partial<Omit<CsrfRequest, 'body' | 'header'>> & {
  readonly body?: unknown
  readonly by?: object
  readonly rules?: typeof policy
}

test('what passes without a token is not waited for', async () => {
  const { ask, told } = await visitor()
  const rules = resolveCsrf({})
  expect(ask({}, { method: 'GET' })).toBeUndefined()
  expect(ask(own, { rules })).toBeUndefined()
  expect(ask({ origin: 'https://example.org' }, { rules })).toBeUndefined()
  expect(ask({ referer: 'https://example.org/a' }, { rules })).toBeUndefined()
  expect(told).toEqual([])
})

test.each([
  ['cross-site', { 'sec-fetch-site': 'cross-site' }, /\(cross-site\).*csrf\.origins.*trust/],
  ['same-site', { 'sec-fetch-site': 'same-site' }, /\(same-site\).*csrf\.origins/],
  ['fetch-site', { 'sec-fetch-site': 'elsewhere' }, /\(fetch-site\).*none of the four/],
  ['origin', { origin: 'https://example.com' }, /\(origin\).*csrf\.origins/],
  ['referer', { referer: 'https://example.com/' }, /\(referer\).*csrf\.origins/],
] as const)(
  '%s is refused at once, told, and no text of the sender is repeated',
  async (...row) => {
    const [reason, headers, message] = row
    const { ask, told } = await visitor()
    expect(() => ask(headers)).toThrow(message)
    expect(() => ask(headers)).toThrow(
      expect.objectContaining({
        code: 'ERR_CSRF',
        status: 403,
        message: expect.not.stringMatching(/elsewhere|example\.com/),
      }),
    )
    expect(told).toEqual([{ reason }, { reason }])
  },
)

test('the token passes in the header, or in the field of a body', async () => {
  const { ask, token, told } = await visitor()
  await ask({ ...own, 'x-csrf-token': token })
  await ask(own, { body: { _csrf: token } })
  await ask({ ...own, 'x-csrf-token': token }, { body: { _csrf: 'another' } })
  expect(told).toEqual([])
})

test.each([undefined, null, '_csrf', {}, { _csrf: '' }, { _csrf: null }])(
  'a body of %j has none',
  async (body) => {
    const { ask, told } = await visitor()
    await expect(ask(own, { body })).rejects.toThrow(/\(token-missing\).*csrfToken.*x-csrf-token/)
    expect(told).toEqual([{ reason: 'token-missing' }])
  },
)

test.each(['x', 5, {}, ['x']])('%j is none of this session', async (_csrf) => {
  const { ask, told } = await visitor()
  await expect(ask(own, { body: { _csrf } })).rejects.toThrow(/\(token-invalid\).*csrfToken/)
  expect(told).toEqual([{ reason: 'token-invalid' }])
})

test('where no session is mounted none can be valid', async () => {
  const { ask, token, told } = await visitor()
  const headers = { ...own, 'x-csrf-token': token }
  await expect(ask(headers, { by: {} })).rejects.toThrow(/\(no-session\).*mount the session before/)
  expect(told).toEqual([{ reason: 'no-session' }])
})
