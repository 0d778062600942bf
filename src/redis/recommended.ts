/**
 * Options of the clients with which an outage stays short: no command waits for ever, none is kept for
 * later, and a failover is noticed. The clients' own defaults are made for queues and caches, where a
 * late answer is better than none. What each one is for: docs/when-redis-fails.md.
 */
import { serverWords } from './fault.ts'

/** Milliseconds. Above `storeTimeout`, so that the store is the one to say that time is up. */
const COMMAND = 1000
/** A connection on which nothing comes for so long, though an answer is due, is given up. */
const SILENCE = 2000
const CONNECT = 2000
/** How often a connection of node-redis says something, so that silence means something. */
const PING = 1000

/** Milliseconds until the next attempt: soon at first, and spread, so that not all processes come at once. */
function retryPause(attempt: number): number {
  const ceiling = Math.min(600, 50 * 2 ** Math.min(attempt, 6))
  return Math.round(ceiling * (0.75 + Math.random() * 0.4))
}

/** A master that has become a replica: connect again, to where the master is now, and send once more. */
function isDemoted({ message }: Error): false | 2 {
  return /^(READONLY|NOREPLICAS)\b/.test(serverWords(message)) ? 2 : false
}

export interface IoredisOptions {
  connectTimeout: number
  commandTimeout: number
  socketTimeout: number
  maxRetriesPerRequest: number
  enableOfflineQueue: boolean
  autoResendUnfulfilledCommands: boolean
  enableAutoPipelining: boolean
  retryStrategy: (attempt: number) => number
  reconnectOnError: (error: Error) => false | 2
}

/**
 * For `new Redis(url, …)` of ioredis and iovalkey.
 *
 * @example
 * const client = new Redis(process.env.REDIS_URL, recommendedIoredisOptions())
 */
export function recommendedIoredisOptions(): IoredisOptions {
  return {
    connectTimeout: CONNECT,
    commandTimeout: COMMAND,
    socketTimeout: SILENCE,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    enableAutoPipelining: true,
    retryStrategy: retryPause,
    reconnectOnError: isDemoted,
  }
}

export interface IoredisSentinelOptions extends IoredisOptions {
  failoverDetector: boolean
  sentinelRetryStrategy: (attempt: number) => number
  sentinelCommandTimeout: number
}

/**
 * The same behind Sentinel: without `failoverDetector` ioredis goes on writing to the former master for
 * about ten seconds after a planned failover, and all of that is lost.
 *
 * @example
 * const client = new Redis({ sentinels, name: 'main', ...recommendedIoredisSentinelOptions() })
 */
export function recommendedIoredisSentinelOptions(): IoredisSentinelOptions {
  return {
    ...recommendedIoredisOptions(),
    failoverDetector: true,
    sentinelRetryStrategy: retryPause,
    sentinelCommandTimeout: COMMAND,
  }
}

export interface IoredisClusterOptions {
  clusterRetryStrategy: (attempt: number) => number
  enableOfflineQueue: boolean
  enableAutoPipelining: boolean
  autoPipeliningIgnoredCommands: string[]
  slotsRefreshTimeout: number
  redisOptions: Pick<
    IoredisOptions,
    'connectTimeout' | 'commandTimeout' | 'socketTimeout' | 'autoResendUnfulfilledCommands'
  >
}

/**
 * For `new Cluster(nodes, …)` of ioredis and iovalkey.
 *
 * @example
 * const client = new Cluster(nodes, recommendedIoredisClusterOptions())
 */
export function recommendedIoredisClusterOptions(): IoredisClusterOptions {
  return {
    clusterRetryStrategy: retryPause,
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    // iovalkey takes the digest of a script for its key, and puts those of several nodes into one pipeline.
    autoPipeliningIgnoredCommands: ['evalsha', 'eval'],
    slotsRefreshTimeout: COMMAND,
    redisOptions: {
      connectTimeout: CONNECT,
      commandTimeout: COMMAND,
      socketTimeout: SILENCE,
      autoResendUnfulfilledCommands: false,
    },
  }
}

export interface NodeRedisOptions {
  disableOfflineQueue: boolean
  commandsQueueMaxLength: number
  pingInterval: number
  socket: {
    connectTimeout: number
    socketTimeout: number
    reconnectStrategy: (attempt: number) => number
  }
}

/**
 * For `createClient({ url, … })` of node-redis, and as `nodeClientOptions` of its `createSentinel`.
 *
 * @example
 * const client = createClient({ url: process.env.REDIS_URL, ...recommendedNodeRedisOptions() })
 */
export function recommendedNodeRedisOptions(): NodeRedisOptions {
  return {
    disableOfflineQueue: true,
    commandsQueueMaxLength: 10_000,
    pingInterval: PING,
    socket: {
      connectTimeout: CONNECT,
      socketTimeout: SILENCE,
      reconnectStrategy: retryPause,
    },
  }
}

export interface NodeRedisClusterOptions {
  defaults: NodeRedisOptions
}

/**
 * For `createCluster({ rootNodes, … })` of node-redis.
 *
 * @example
 * const client = createCluster({ rootNodes, ...recommendedNodeRedisClusterOptions() })
 */
export function recommendedNodeRedisClusterOptions(): NodeRedisClusterOptions {
  return { defaults: recommendedNodeRedisOptions() }
}
