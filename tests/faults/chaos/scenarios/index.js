/** All scenarios, in the order of the table. */
import { clocks } from './clocks.js'
import { clusterKilled, clusterMoved } from './cluster.js'
import { lostReplies } from './lost-replies.js'
import { killed, stopped } from './outages.js'
import { full, readonly } from './refused.js'
import { soak } from './soak.js'
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
  lostReplies,
  full,
  readonly,
  clocks,
  soak,
]
