/** All scenarios, in the order of the table. */
import { clusterKilled, clusterMoved } from './cluster.js'
import { killed, stopped } from './outages.js'
import { sentinelHung, sentinelKilled, sentinelPlanned } from './sentinel.js'

/** @type {readonly import('../figure.js').Scenario[]} */
export const scenarios = [
  stopped,
  killed,
  sentinelKilled,
  sentinelPlanned,
  sentinelHung,
  clusterKilled,
  clusterMoved,
]
