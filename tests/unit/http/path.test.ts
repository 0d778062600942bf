/** Which paths a cookie is sent to, and so which requests have a session. */
import { describe, expect, test } from 'vitest'
import { covers } from '../../../src/http/path.ts'
import { createSessions } from '../../../src/index.ts'
import type { RequestHead } from '../../../src/core/transport.ts'

describe('a cookie with the path', () => {
  test.each([
    ['/', '/', true],
    ['/', '/a/b', true],
    ['/a', '/a', true],
    ['/a', '/a/', true],
    ['/a', '/a/b', true],
    ['/a', '/ab', false],
    ['/a', '/A', false],
    ['/a', '/', false],
    ['/a', '/b/a', false],
    ['/a', '/a%2Fb', false],
    ['/a', '/a;b', false],
    ['/a/', '/a/', true],
    ['/a/', '/a/b', true],
    ['/a/', '/a', false],
    ['/a/b', '/a/b/c', true],
    ['/a/b', '/a', false],
    ['/a/b', '/a/bc', false],
    ['/a', '', false],
  ])('%s goes along with a request of %s: %s', (cookiePath, path, is) => {
    expect(covers(cookiePath, path)).toBe(is)
  })
})

test('a request outside of the cookie path has no session at all', () => {
  const sessions = createSessions({ cookie: { path: '/app', secure: true } })
  expect(sessions.begin(request('/app/cart'))).toBeDefined()
  expect(sessions.begin(request('/apple'))).toBeUndefined()
})

function request(path: string): RequestHead {
  return { header: () => undefined, path, secure: true, source: {} }
}
