/** Keeps the measured process and those that measure it off each other's cores, where the system can. */
import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

const cores = availableParallelism()
let pinned = cores > 1

/** A server of its own core: the first. @param {number | undefined} pid */
export function pinServer(pid) {
  pin(pid, '0')
}

/** All others share the rest. @param {number | undefined} pid */
export function pinOther(pid) {
  pin(pid, `1-${cores - 1}`)
}

export function arePinned() {
  return pinned
}

/** @param {number | undefined} pid @param {string} list */
function pin(pid, list) {
  if (!pinned || pid === undefined) return
  // Linux only; elsewhere, or where a container forbids it, the system decides.
  const { status } = spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', list, `${pid}`])
  pinned = status === 0
}
