import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { decodeMetaLine } from '../../src/core/document.ts'
import { referenceKey } from '../../src/core/references.ts'
import { userKeyOf } from '../../src/core/user.ts'
import { indexKey, referenceIndexKey } from '../../src/redis/keys.ts'
import type { Handle } from '../../src/core/id.ts'
import { freshPrefix, redisServers } from '../support/redis.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const child = join(root, 'tests/support/failpoint/child.mjs')
const run = promisify(execFile)

/** So many stories are in the middle of something when their process is killed; LONG=1 kills one for each. */
const AT_ONCE = process.env['LONG'] ? 1 : 20

/** Child processes cannot run the sources; the build lies where it finds its dependencies. */
let dist: string
beforeAll(() => {
  mkdirSync(join(root, '.cache'), { recursive: true })
  dist = mkdtempSync(join(root, '.cache/build-'))
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  execFileSync(process.execPath, [compiler, '-p', 'tsconfig.build.json', '--outDir', dist], {
    cwd: root,
  })
})
afterAll(() => rmSync(dist, { recursive: true, force: true }))

describe.each(['single', 'cluster'] as const)('a process that is killed (%s)', (topology) => {
  /** Begins a story for each prefix, in one process; the one of `prefixes[n]` is cut short after its (first + n)th command. */
  async function killed(prefixes: readonly string[], first: number): Promise<string> {
    const { single, cluster } = redisServers()
    const nodes = topology === 'single' ? [single] : cluster.nodes
    const options = JSON.stringify({ dist, nodes, prefixes, first })
    return run(process.execPath, [child, options], { cwd: root }).then(
      ({ stdout }) => {
        throw new Error(`it ended by itself: ${stdout}`)
      },
      (error: { signal?: string; message: string; stdout: string }) => {
        if (error.signal === 'SIGKILL') return error.stdout
        throw new Error(error.message)
      },
    )
  }

  /** Connections to the nodes that hold keys. */
  async function masters(): Promise<Redis[]> {
    const { single, cluster } = redisServers()
    const all = (topology === 'single' ? [single] : cluster.nodes).map(({ url }) => new Redis(url))
    onTestFinished(() => all.forEach((redis) => redis.disconnect()))
    const roles = await Promise.all(all.map((redis) => redis.role()))
    return all.filter((_, at) => roles[at]?.[0] === 'master')
  }

  // With LONG=1 a process for each of some fifty commands: on a busy machine that takes its time.
  const patiently = { timeout: 300_000 }
  test(
    'leaves no live session out of its index, whichever of its commands was the last',
    patiently,
    async () => {
      const nodes = await masters()
      const missing: string[] = []
      let live = 0
      let told = 0
      let isWhole = false
      for (let first = 1; !isWhole; first += AT_ONCE) {
        const prefixes = Array.from({ length: AT_ONCE }, () => freshPrefix())
        isWhole = (await killed(prefixes, first)).includes('whole')
        told = first + AT_ONCE - 1
        for (const [at, prefix] of prefixes.entries()) {
          const keys = new Map<string, Redis>()
          for (const node of nodes)
            for (const key of await node.keys(`${prefix}*`)) keys.set(key, node)
          for (const [key, node] of keys) {
            if (/:[ur]:/.test(key)) continue
            const text = (await node.get(key)) ?? ''
            const meta = decodeMetaLine(text.split('\n', 1)[0] ?? '')
            if (!meta) continue
            live++
            const member = key.slice(key.lastIndexOf(':') + 1)
            const handle = (key.slice(prefix.length + 1, prefix.length + 4) + member) as Handle
            const { tenantId } = JSON.parse(text) as { tenantId?: string }
            const entries: [string, string][] = []
            if (meta.signIn) entries.push([indexKey(prefix, userKeyOf(meta.signIn.userId)), member])
            if (tenantId) {
              entries.push([referenceIndexKey(prefix, referenceKey('tenantId', tenantId)), handle])
            }
            for (const [index, entry] of entries) {
              const found = await keys.get(index)?.zscore(index, entry)
              if (found === null || found === undefined)
                missing.push(`after ${first + at}: ${index}`)
            }
          }
        }
      }
      expect(missing).toEqual([])
      // The whole story has more than 40 commands, and most of them leave sessions behind.
      expect(told).toBeGreaterThan(40)
      expect(live).toBeGreaterThan(40)
    },
  )
})
