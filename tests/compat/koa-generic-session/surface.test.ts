/** Is everything that the original offers in the guide, each with a test that speaks of it? */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const guide = new URL('../../../docs/moving-over/koa-generic-session.md', import.meta.url)

/** Kept by hand, from the documentation and the source of koa-generic-session 2.3.1. */
const SURFACE = [
  'session(options)|session.MemoryStore',
  'key|prefix|ttl|rolling|genSid|defer|allowEmpty|errorHandler|reconnectTimeout|sessionIdStore',
  'valid|beforeSave|store|cookie',
  'cookie.maxage|cookie.maxAge|cookie.expires|cookie.path|cookie.signed|cookie.secure',
  'ctx.session|ctx._session|ctx.sessionId|ctx.sessionSave|ctx.sessionStore',
  'ctx.saveSession()|ctx.regenerateSession()|session.cookie',
  'sessionStore.get(sid)|sessionStore.set(sid, session)|sessionStore.destroy(sid)',
  'store.get(key)|store.set(key, session, ttl)|store.destroy(key)',
  'connect|disconnect|ENOENT|__isSessionDefined',
].flatMap((line) => line.split('|'))

const [, section = ''] = readFileSync(guide, 'utf8').split(/^## What is covered$/m)
const [table = ''] = section.split(/^## /m)
const rows = Array.from(
  table.matchAll(/^\| `([^`]+)`(?: event)? +\| (.*?) +\| \[[^\]]+\]\(([^)]+)\) +\|$/gm),
  ([, name = '', here = '', proof = '']) => ({ name, here, proof }),
)

test('the guide has a row for each item of the surface, and for nothing else', () => {
  expect(rows.map(({ name }) => name).toSorted()).toEqual(SURFACE.toSorted())
})

test.each(rows)('$name: $proof speaks of it', ({ name, here, proof }) => {
  expect(here).toMatch(/^same/)
  const [, word = ''] = /(\w+)(?:\(.*)?$/.exec(name) ?? []
  expect(readFileSync(new URL(proof, guide), 'utf8')).toMatch(new RegExp(`\\b${word}\\b`))
})
