/** Is each part of the original's public surface in the guide, and exercised where the guide says? */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const guide = new URL('../../../docs/moving-over/koa-redis-session-sets.md', import.meta.url)

const SURFACE = [
  'Session(app, options)',
  'require(…)',
  'new Store(options)',
  ...named(
    'options',
    'client references maxAge prefix namespace byteLength key httpOnly signed overwrite domain path secure ' +
      'sameSite saltLength secretLength',
  ),
  ...named('Session', 'store tokens options'),
  'Session.createSession(ctx)',
  'Session.getReferenceKey(field, value)',
  'ctx.session',
  'session.getKey()',
  'session.get([fields])',
  'session.set(values, [maxAge])',
  'session.unset(fields, [maxAge])',
  'session.touch([maxAge])',
  'session.delete()',
  'session.createCSRFToken([session])',
  'session.verifyCSRFToken([session], token)',
  'store.createSessionId()',
  'store.getSessionKey(id)',
  'store.getReferenceKey(field, value)',
  'store.get(id, [fields])',
  'store.set(id, values, [maxAge])',
  'store.unset(id, fields, [maxAge])',
  'store.touch(id, [maxAge])',
  'store.delete(id)',
  ...named('store', 'client maxAge prefix references byteLength'),
  'tokens.create(secret)',
  'tokens.verify(secret, token)',
  'tokens.secret([callback])',
  'tokens.secretSync()',
]

const rows = new Map(
  Array.from(
    readFileSync(guide, 'utf8').matchAll(/^\| `([^`]+)` +\|[^|]+\| \[[^\]]+\]\(([^)]+)\) +\|$/gm),
    ([, name = '', proof = '']) => [name, proof],
  ),
)

test.each(SURFACE)('%s is in the guide, and its test exercises it', (name) => {
  const proof = new URL(rows.get(name) ?? 'nowhere', guide)
  expect(existsSync(proof)).toBe(true)
  const [path = '', call] = name.split(/(?=\()/)
  const last = path.split(/[ .]/).at(-1) ?? ''
  // A method is called; an option or a property is named.
  expect(readFileSync(proof, 'utf8')).toMatch(
    call && path !== 'Session' ? new RegExp(`\\b${last}\\(`) : new RegExp(`\\b${last}\\b`),
  )
})

test('the guide claims nothing that is not in the list', () => {
  expect([...rows.keys()].filter((name) => !SURFACE.includes(name))).toEqual([])
})

function named(owner: string, names: string): string[] {
  return names.split(' ').map((name) => `${owner}.${name}`)
}
