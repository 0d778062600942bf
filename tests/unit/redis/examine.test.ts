import { Cluster as ValkeyCluster, Redis as Valkey } from 'iovalkey'
import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import { createClient, createCluster } from 'redis'
import { createClient as createClient5, createCluster as createCluster5 } from 'redis5'
import { describe, expect, test } from 'vitest'
import { ioredisFacts, nodeRedisFacts } from '../../../src/redis/client-facts.ts'
import { accessFindings, clientFindings, serverFindings } from '../../../src/redis/examine.ts'
import type { ServerFacts } from '../../../src/redis/examine.ts'
import * as recommended from '../../../src/redis/recommended.ts'
import type { Finding } from '../../../src/core/store-health.ts'

const fine: ServerFacts = {
  version: '7.0.15',
  evictionPolicy: 'noeviction',
  maxMemory: 1_000_000,
  isPersistent: true,
  replicas: 1,
  refused: [],
}
const codes = (findings: readonly Finding[]): string[] =>
  findings.map(({ code, severity }) => `${code} ${severity}`)

describe('a server', () => {
  test.each<[string, Partial<ServerFacts>, string[]]>([
    ['that is set up well', {}, []],
    [
      'that says nothing',
      {
        version: undefined,
        evictionPolicy: undefined,
        isPersistent: undefined,
        replicas: undefined,
      },
      [],
    ],
    ['too old', { version: '6.0.16' }, ['old error']],
    ['just new enough', { version: '6.2.0' }, []],
    ['that evicts', { evictionPolicy: 'volatile-lru' }, ['evicts error']],
    [
      'that would evict, had it a limit',
      { evictionPolicy: 'allkeys-lru', maxMemory: 0 },
      ['evicts warning'],
    ],
    ['that keeps nothing', { isPersistent: false }, ['not-persistent warning']],
    ['alone', { replicas: 0 }, ['no-replicas warning']],
  ])('%s', (_, facts, found) => {
    expect(codes(serverFindings({ ...fine, ...facts }))).toEqual(found)
  })
})

/** Nothing is connected: the options are what is looked at. */
const lazy = { lazyConnect: true }
const nodes = [{ host: 'redis.example.net', port: 6379 }]

describe('a client', () => {
  test.each([
    [
      'ioredis 6',
      (options: object) => new Redis({ ...lazy, ...options }),
      (options: object) => new Cluster(nodes, { ...lazy, ...options }),
    ],
    [
      'ioredis 5',
      (options: object) => new Redis5({ ...lazy, ...options }),
      (options: object) => new Cluster5(nodes, { ...lazy, ...options }),
    ],
    [
      'iovalkey',
      (options: object) => new Valkey({ ...lazy, ...options }),
      (options: object) => new ValkeyCluster(nodes, { ...lazy, ...options }),
    ],
  ])(
    'of %s is told what its options lead to, and nothing with the recommended ones',
    (_, single, cluster) => {
      const plain = [
        'client-no-command-timeout',
        'client-no-socket-timeout',
        'client-offline-queue',
        'client-resends',
      ].map((code) => `${code} warning`)
      const sentinels = { sentinels: nodes, name: 'main' }
      expect(codes(clientFindings(ioredisFacts(single({}))))).toEqual(plain)
      expect(codes(clientFindings(ioredisFacts(cluster({}))))).toEqual(plain)
      expect(codes(clientFindings(ioredisFacts(single(sentinels))))).toEqual([
        ...plain,
        'client-no-failover-detector warning',
      ])
      expect(clientFindings(ioredisFacts(single(recommended.recommendedIoredisOptions())))).toEqual(
        [],
      )
      expect(
        clientFindings(
          ioredisFacts(
            single({ ...sentinels, ...recommended.recommendedIoredisSentinelOptions() }),
          ),
        ),
      ).toEqual([])
      expect(
        clientFindings(ioredisFacts(cluster(recommended.recommendedIoredisClusterOptions()))),
      ).toEqual([])
    },
  )

  test.each([
    [
      '6',
      (options: object) => createClient(options),
      (options: object) => createCluster({ rootNodes: [], ...options }),
    ],
    [
      '5',
      (options: object) => createClient5(options),
      (options: object) => createCluster5({ rootNodes: [], ...options }),
    ],
  ])('of node-redis %s too', (_, single, cluster) => {
    const plain = ['client-no-socket-timeout', 'client-offline-queue'].map(
      (code) => `${code} warning`,
    )
    expect(codes(clientFindings(nodeRedisFacts(single({}))))).toEqual(plain)
    expect(
      clientFindings(nodeRedisFacts(single(recommended.recommendedNodeRedisOptions()))),
    ).toEqual([])
    expect(
      clientFindings(nodeRedisFacts(cluster(recommended.recommendedNodeRedisClusterOptions()))),
    ).toEqual([])
  })

  test('across a network needs a password, on this machine it does not', () => {
    const found = (client: object): string[] => codes(accessFindings(ioredisFacts(client), fine))
    expect(found(new Redis({ ...lazy, host: 'redis.example.net' }))).toEqual(['no-password error'])
    expect(found(new Redis({ ...lazy, host: 'redis.example.net', password: 'secret' }))).toEqual([])
    expect(found(new Redis({ ...lazy }))).toEqual([])
    expect(found(new Redis({ ...lazy, path: '/run/redis.sock' }))).toEqual([])
    const node = createClient({ url: 'redis://redis.example.net' })
    expect(codes(accessFindings(nodeRedisFacts(node), fine))).toEqual(['no-password error'])
  })
})
