/** Where and on what a run was made: without it figures say nothing. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'

const PACKAGES = [
  'ioredis',
  'redis',
  'koa',
  'koa-session',
  'koa-generic-session',
  'koa-redis',
  'express',
  'express-session',
  'connect-redis',
]

export function describeMachine() {
  const [version] = /v=\S+/.exec(run('redis-server', '--version')) ?? ['']
  const changed = run('git', 'status', '--porcelain') === '' ? '' : ', with changes'
  return [
    `${new Date().toISOString().slice(0, 10)}, commit ${run('git', 'rev-parse', '--short=12', 'HEAD')}${changed}`,
    `${cpus().length} cores of ${cpus()[0]?.model ?? 'an unknown processor'}`,
    `Node.js ${process.versions.node}, Redis ${version.slice(2)}`,
    PACKAGES.map((name) => `${name} ${versionOf(name)}`).join(', '),
  ].join('; ')
}

/** @param {string} program @param {string[]} words */
function run(program, ...words) {
  const { stdout } = spawnSync(program, words, { encoding: 'utf8', cwd: import.meta.dirname })
  return stdout?.trim() ?? ''
}

/** @param {string} name */
function versionOf(name) {
  const manifest = new URL(`../../../node_modules/${name}/package.json`, import.meta.url)
  return JSON.parse(readFileSync(manifest, 'utf8')).version
}
