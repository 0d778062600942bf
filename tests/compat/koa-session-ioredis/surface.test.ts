/** Is everything that the originals offer in the guide, each with a test that speaks of it? */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const guide = new URL('../../../docs/moving-over/koa-session-ioredis.md', import.meta.url)

/** Kept by hand, from the documentation and the source of koa-session-ioredis 1.0.5 and koa-redis 4.0.1. */
const SURFACE = {
  exports: ['redisStore(options)', 'new redisStore(options)'],
  options:
    'host port path password sentinels client duplicate url db serialize unserialize isRedisCluster nodes clusterOptions auth_pass pass socket',
  methods: ['get(sid)', 'set(sid, session, ttl)', 'destroy(sid)', 'quit()', 'end()'],
  properties: ['store.client', 'store.status', 'store.connected'],
  events: ['connect', 'ready', 'error', 'close', 'reconnecting', 'end', 'idle', 'disconnect'],
}

interface Row {
  readonly name: string
  readonly here: string
  readonly proof: string
}

const [, section = ''] = readFileSync(guide, 'utf8').split(/^## What is covered$/m)
const [table = ''] = section.split(/^## /m)
const rows = Array.from(
  table.matchAll(/^\| `([^`]+)`( event)? +\| (.*?) +\| \[[^\]]+\]\(([^)]+)\) +\|$/gm),
  ([, name = '', event = '', here = '', proof = '']): Row => ({ name: name + event, here, proof }),
)

test('the guide has a row for each item of the surface', () => {
  const { exports, options, methods, properties, events } = SURFACE
  const named = events.map((event) => `${event} event`)
  const items = [...exports, ...options.split(' '), ...methods, ...properties, ...named]
  const found = rows.map(({ name }) => name)
  expect(items.filter((item) => !found.includes(item))).toEqual([])
  // The one that is ours is all that is left.
  expect(found.filter((name) => !items.includes(name))).toEqual(['defaultTtl'])
  expect(new Set(found).size).toBe(found.length)
})

test.each(rows)(
  '$name is said to be what it is, and $proof speaks of it',
  ({ name, here, proof }) => {
    expect(here).toMatch(/^(same|new:)/)
    const file = new URL(proof, guide)
    expect(existsSync(file)).toBe(true)
    const [, word = ''] = /^(?:new |store\.)?(\w+)/.exec(name) ?? []
    expect(readFileSync(file, 'utf8')).toMatch(new RegExp(`\\b${word}\\b`))
  },
)
