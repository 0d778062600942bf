/** Is everything that connect-redis offers in the guide, each with a test that speaks of it? */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const guide = new URL('../../../docs/moving-over/connect-redis.md', import.meta.url)

const PROPERTIES = 'client prefix scanCount serializer ttl disableTTL disableTouch'.split(' ')
/** Kept by hand, from the documentation and the sources of majors 3 to 10. */
const SURFACE = [
  'connectRedis(session)',
  'new RedisStore(options)',
  'export RedisStore',
  'export default',
  ...PROPERTIES.map((name) => `option ${name}`),
  ...'host port socket url pass db unref logErrors'.split(' ').map((name) => `option ${name}`),
  'other options',
  'get(sid)',
  'set(sid, session)',
  'touch(sid, session)',
  'destroy(sid)',
  'all()',
  'ids()',
  'length()',
  'clear()',
  'method(…, callback)',
  'regenerate(req, callback)',
  'load(sid, callback)',
  'createSession(req, data)',
  'generate(req)',
  'event connect',
  'event disconnect',
  ...PROPERTIES.map((name) => `store.${name}`),
  'key and JSON',
  'README examples',
]

/** The word of a row that its test must contain; of the others it is the last one of the name. */
const WORDS: Record<string, string> = {
  'connectRedis(session)': 'required(session)',
  'export RedisStore': 'required.RedisStore',
  'export default': 'required.default',
  'other options': 'connectionName',
  'createSession(req, data)': 'reload',
  'load(sid, callback)': 'store.load',
  'generate(req)': 'generate(',
  'key and JSON': 'toBe(written)',
  'README examples': 'readme-examples',
}

interface Row {
  readonly name: string
  readonly here: string
  readonly proof: string
}

const [, section = ''] = readFileSync(guide, 'utf8').split(/^## What is covered$/m)
const [table = ''] = section.split(/^## /m)
const rows = Array.from(
  table.matchAll(/^\| `([^`]+)` +\| (.*?) +\| \[[^\]]+\]\(([^)]+)\) +\|$/gm),
  ([, name = '', here = '', proof = '']): Row => ({ name, here, proof }),
)

test('the guide has a row for each item of the surface', () => {
  const named = rows.map(({ name }) => name)
  expect(SURFACE.filter((item) => !named.includes(item))).toEqual([])
  // What is left is ours.
  expect(named.filter((name) => !SURFACE.includes(name))).toEqual(['event dropped'])
  expect(new Set(named).size).toBe(named.length)
})

test.each(rows)('$name: $proof speaks of it', ({ name, here, proof }) => {
  expect(here).not.toBe('')
  const word = WORDS[name] ?? /(\w+)(?:\(.*)?$/.exec(name)?.[1] ?? name
  expect(readFileSync(new URL(proof, guide), 'utf8')).toContain(word)
})
