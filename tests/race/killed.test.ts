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
  async function story(prefix: string, killAfter: number): Promise<string> {
    const { single, cluster } = redisServers()
    const nodes = topology === 'single' ? [single] : cluster.nodes
    const options = JSON.stringify({ dist, nodes, prefix, killAfter })
    return run(process.execPath, [child, options], { cwd: root }).then(
      ({ stdout }) => stdout,
      (error: { signal?: string; message: string }) => {
        if (error.signal === 'SIGKILL') return 'killed'
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

  // A process for each of some fifty commands: on a busy machine that takes its time.
  const patiently = { timeout: 300_000 }
  test(
    'leaves no live session out of its index, whichever of its commands was the last',
    patiently,
    async () => {
      const nodes = await masters()
      const missing: string[] = []
      let live = 0
      let killAfter = 1
      for (let end = 'killed'; end === 'killed'; killAfter++) {
        const prefix = freshPrefix()
        end = await story(prefix, killAfter)
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
            if (found === null || found === undefined) missing.push(`after ${killAfter}: ${index}`)
          }
        }
      }
      expect(missing).toEqual([])
      // The whole story has more than 40 commands, and most of them leave sessions behind.
      expect(killAfter).toBeGreaterThan(40)
      expect(live).toBeGreaterThan(40)
    },
  )
})
