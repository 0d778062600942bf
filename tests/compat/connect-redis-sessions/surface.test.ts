/** The guide has a row for every item of the original's surface, and a test that speaks of it. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { common, open, original, oursEverywhere, send } from './site.ts'
import type { Handler } from './site.ts'

const SURFACE =
  'app cookie ttl proxy trustProxy debug port host options namespace wipe cachetime client ' +
  'handler rds redis ready session sessionID _appname _originalHash _originalId res ' +
  'id d _meta upgrade soid soapp activity destroy destroyall save reload attributes hash ' +
  'getRedisSessionsModule no-token cookies-disabled no-app-defined module.exports'

const page = new URL('../../../docs/moving-over/connect-redis-sessions.md', import.meta.url)
const [, table = ''] = /## What is covered\n(.*?)\n## /s.exec(readFileSync(page, 'utf8')) ?? []
const rows = Array.from(
  table.matchAll(/^\| `([^`]+)` +\|.*\]\(([^()]*\.ts)\) *\|$/gm),
  ([, name = '', file = '']) => ({ name, file }),
)

test('the table of the guide is whole', () => {
  const names = rows.map(({ name }) => name)
  expect(SURFACE.split(' ').filter((name) => !names.includes(name))).toEqual([])
})

test.each(rows)('$name is in the test that the guide names', ({ name, file }) => {
  const text = readFileSync(new URL(file, page), 'utf8')
  // `require('…')` is what module.exports is seen by.
  expect(text.includes(name === 'module.exports' ? 'require(' : name)).toBe(true)
})

describe.each([original, ...oursEverywhere])('$title', (row) => {
  test('everything is on the request and on the session', async () => {
    const look: Handler = (request, response) => {
      const { _appname: app, _originalHash: hash, _originalId: id, res, session } = request
      const names = 'upgrade soid soapp activity destroy destroyall save reload attributes hash'
      const methods = [...names.split(' '), 'getRedisSessionsModule']
      send(response, {
        app,
        hash: hash === session.hash(),
        id: id === session.id,
        res: res === response,
        missing: methods.filter((name) => typeof session[name] !== 'function'),
        meta: Object.keys(session['_meta'] as object).toSorted(),
      })
    }
    const { visitor } = await open(row, { ...common, look })
    const ada = visitor()
    await ada.get('/login')
    await ada.get('/set?a=1')
    expect(await ada.json('/look')).toEqual({
      app: 'forum',
      hash: true,
      id: true,
      res: true,
      missing: [],
      meta: ['id', 'idle', 'ip', 'r', 'ttl', 'w'],
    })
  })
})
