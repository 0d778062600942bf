/** A newer server, from a suite of Debian; unpacked into a folder of its own, with the loader and libraries it needs. */
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from './cache.mjs'

const LIBRARIES =
  'libc6 libatomic1 libjemalloc2 liblzf1 libssl3t64 libstdc++6 libgcc-s1 libsystemd0 libcap2 libzstd1 zlib1g'

/** @param {string} name such as `valkey trixie` @returns {string} the path of a program to start it with */
export function serverProgram(name) {
  const [kind, suite] = name.split(' ')
  const folder = join(cacheFolder, `server-${suite}`)
  const program = join(folder, `${kind}-server`)
  if (existsSync(program)) return program
  const root = join(folder, 'root')
  if (!existsSync(root)) unpack(folder, root, suite ?? '')
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu')
  const loader = join(libraries, 'ld-linux-x86-64.so.2')
  // One program for all roles: it takes its role from the name it is called by.
  const binary = join(root, `usr/bin/${kind}-check-rdb`)
  if (!existsSync(binary)) throw new Error(`${suite} has no ${kind}`)
  writeFileSync(
    program,
    `#!/bin/sh\nexec "${loader}" --library-path "${libraries}" --argv0 ${kind}-server "${binary}" "$@"\n`,
  )
  chmodSync(program, 0o755)
  return program
}

/** @param {string} folder @param {string} root @param {string} suite */
function unpack(folder, root, suite) {
  for (const part of ['lists/partial', 'archives/partial'])
    mkdirSync(join(folder, part), { recursive: true })
  writeFileSync(join(folder, 'status'), '')
  writeFileSync(join(folder, 'suite.list'), `deb ${mirror()} ${suite} main\n`)
  const options = {
    'Dir::Etc::sourcelist': join(folder, 'suite.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State': folder,
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': folder,
  }
  const apt = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`])
  const wanted = ['redis-tools', 'redis-server', 'valkey-tools', 'valkey-server']
  const inFolder = { cwd: folder, stdio: /** @type {['ignore', 2, 2]} */ (['ignore', 2, 2]) }
  execFileSync('apt-get', [...apt, 'update'], inFolder)
  execFileSync('apt-get', [...apt, 'download', ...wanted, ...LIBRARIES.split(' ')], inFolder)
  for (const file of readdirSync(folder).filter((one) => one.endsWith('.deb')))
    execFileSync('dpkg', ['-x', file, root], inFolder)
}

/** The options and the address of this machine's own mirror, for one more suite of it. */
function mirror() {
  const folder = '/etc/apt/sources.list.d'
  const files = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []
  const texts = ['/etc/apt/sources.list', ...files]
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, 'utf8'))
  for (const text of texts) {
    const [line] = /^deb (?:\[[^\]]*\] )?\S+/m.exec(text) ?? []
    if (line) return line.slice('deb '.length)
    const [, uri] = /^URIs:\s*(\S+)/m.exec(text) ?? []
    const [, key] = /^Signed-By:\s*(\S+)/m.exec(text) ?? []
    if (uri) return `${key ? `[signed-by=${key}] ` : ''}${uri}`
  }
  throw new Error('this machine has no apt source')
}
