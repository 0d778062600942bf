/** The public surface of `handstamp/redis`. */
export { redisStore } from './store.ts'
export type { RedisStoreOptions } from './store.ts'
export type { RedisClient } from './driver.ts'
export {
  recommendedIoredisClusterOptions,
  recommendedIoredisOptions,
  recommendedIoredisSentinelOptions,
  recommendedNodeRedisClusterOptions,
  recommendedNodeRedisOptions,
} from './recommended.ts'
