/** Load by wrk: one thread, which is more than a process of Node.js can serve. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('wrk.lua', import.meta.url))

/** What `wrk -v` calls itself; undefined where there is none. */
export function wrkVersion() {
  const { error, stdout } = spawnSync('wrk', ['-v'], { encoding: 'utf8' })
  return error ? undefined : (/wrk \S+/.exec(stdout)?.[0] ?? 'wrk')
}

/** @type {import('./load.js').Generator} */
export function startWrk({ port, requests, connections, seconds }) {
  const file = join(tmpdir(), `handstamp-bench-${process.pid}.tsv`)
  writeFileSync(file, requests.map(({ path, cookie = '' }) => `${path}\t${cookie}\n`).join(''))
  const child = spawn(
    'wrk',
    // It is stopped earlier; the time limit is for the case that we are killed.
    ['-t1', `-c${connections}`, `-d${Math.ceil(seconds) + 30}s`]
      // A busy machine is slow; that is no error.
      .concat(['--timeout', '30s', '-s', script, `http://127.0.0.1:${port}`])
      .concat(['--', file]),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const output = text(child.stdout)
  return {
    async stop() {
      child.kill('SIGINT')
      if (child.exitCode === null) await once(child, 'exit')
      rmSync(file, { force: true })
      return JSON.parse((await output).trimEnd().split('\n').at(-1) ?? '')
    },
  }
}
