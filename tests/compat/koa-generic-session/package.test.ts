/** The package as users get it: required and imported as the original is. */
import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildPackage } from '../../support/built-package.ts'
import type { BuiltPackage } from '../../support/built-package.ts'

let built: BuiltPackage
beforeAll(() => {
  built = buildPackage()
})
afterAll(() => built.remove())

/** What a script prints about a package: it runs where both can be found. */
function printed(name: string, type: 'module' | 'commonjs', script: string): unknown {
  const source = script.replaceAll('NAME', name)
  const options = { cwd: built.folder, encoding: 'utf8' } as const
  return JSON.parse(execFileSync(process.execPath, [`--input-type=${type}`, '-e', source], options))
}

const required = `
  const session = require('NAME')
  const middleware = session()
  console.log(JSON.stringify([typeof session, Object.keys(session), typeof session.MemoryStore,
    middleware.name, middleware.length, typeof new session.MemoryStore().get]))`

const imported = `
  import session, { MemoryStore } from 'NAME'
  console.log(JSON.stringify([typeof session, session.MemoryStore === MemoryStore]))`

test.each([
  ['commonjs', required],
  ['module', imported],
] as const)('in %s it is what the original is', (type, script) => {
  const ours = printed('handstamp/compat/koa-generic-session', type, script)
  expect(ours).toEqual(printed('koa-generic-session', type, script))
})
