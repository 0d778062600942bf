/** How a client is set up, read from the options it keeps; what it does not say is undefined. */

export interface ClientFacts {
  readonly client: 'ioredis' | 'node-redis'
  /** Undefined behind Sentinel, on a Cluster, and on a Unix socket. */
  readonly host: string | undefined
  readonly hasPassword: boolean
  /** A sent command fails after a while, and so does a silent connection. */
  readonly hasCommandTimeout: boolean
  readonly hasSocketTimeout: boolean
  /** Commands are kept for when there is a connection again. */
  readonly hasOfflineQueue: boolean
  /** Commands whose reply was lost are sent once more. */
  readonly isResending: boolean
  /** A planned failover is not noticed. */
  readonly isBlindToFailover: boolean
}

interface IoredisOptions {
  readonly host?: unknown
  readonly path?: unknown
  readonly password?: unknown
  readonly sentinels?: unknown
  readonly commandTimeout?: unknown
  readonly socketTimeout?: unknown
  readonly enableOfflineQueue?: unknown
  readonly autoResendUnfulfilledCommands?: unknown
  readonly failoverDetector?: unknown
  /** Of a Cluster, for its nodes. */
  readonly redisOptions?: IoredisOptions
}

/** ioredis and iovalkey: `Redis` and `Cluster`. */
export function ioredisFacts(client: object): ClientFacts {
  const { options = {}, isCluster } = client as {
    readonly options?: IoredisOptions
    readonly isCluster?: boolean
  }
  const node = (isCluster ? options.redisOptions : options) ?? {}
  const isSentinel = Boolean(options.sentinels)
  const isDirect = !isCluster && !isSentinel && !options.path
  return {
    client: 'ioredis',
    host: isDirect ? textOf(options.host) : undefined,
    hasPassword: Boolean(node.password),
    hasCommandTimeout: typeof node.commandTimeout === 'number',
    hasSocketTimeout: typeof node.socketTimeout === 'number',
    hasOfflineQueue: options.enableOfflineQueue !== false,
    isResending: node.autoResendUnfulfilledCommands !== false,
    isBlindToFailover: isSentinel && options.failoverDetector !== true,
  }
}

interface NodeRedisOptions {
  readonly url?: unknown
  readonly password?: unknown
  readonly credentialsProvider?: unknown
  readonly disableOfflineQueue?: unknown
  readonly socket?: {
    readonly host?: unknown
    readonly path?: unknown
    readonly socketTimeout?: unknown
  }
  /** Of a cluster, for its nodes. */
  readonly defaults?: NodeRedisOptions
}

/** A sentinel and a pool of node-redis do not tell. */
const UNKNOWN: ClientFacts = {
  client: 'node-redis',
  host: undefined,
  hasPassword: false,
  hasCommandTimeout: true,
  hasSocketTimeout: true,
  hasOfflineQueue: false,
  isResending: false,
  isBlindToFailover: false,
}

/** node-redis. */
export function nodeRedisFacts(client: object): ClientFacts {
  const { options } = client as { readonly options?: NodeRedisOptions }
  if (!options) return UNKNOWN
  const isGroup = 'nodeClient' in client
  const node = (isGroup ? options.defaults : options) ?? {}
  const host = textOf(node.socket?.host) ?? 'localhost'
  return {
    client: 'node-redis',
    host: isGroup || node.socket?.path ? undefined : host,
    hasPassword: Boolean(node.password ?? node.credentialsProvider),
    // Bounds only the time until it is sent, but what is sent ends with the socket.
    hasCommandTimeout: true,
    hasSocketTimeout: typeof node.socket?.socketTimeout === 'number',
    hasOfflineQueue: node.disableOfflineQueue !== true,
    isResending: false,
    isBlindToFailover: false,
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
