/** Replies that are well-formed and no answer to the question: from within MULTI, a proxy, a foreign script. */
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import type { Handle } from '../../src/core/id.ts'
import type { ReferenceKey } from '../../src/core/references.ts'
import type { Patch, Store } from '../../src/core/store.ts'
import type { UserKey } from '../../src/core/user.ts'
import { fromConnectRedisSessions, fromKoaGenericSession } from '../../src/migrate/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { freshPrefix, redisServers } from '../support/redis.ts'
import { startProxy } from './proxy.js'

/** As lines of RESP. */
const foreign = {
  QUEUED: '+QUEUED',
  negative: ':-7',
  texts: '*2\r\n$3\r\nfoo\r\n$3\r\nbar',
  nested: '*1\r\n*1\r\n$3\r\nfoo',
}
/** A number, whatever it means. */
const fitting = new Set(['notedAt negative'])

const [handle, other] = [`AAA${'a'.repeat(22)}`, `AAA${'b'.repeat(22)}`] as Handle[] as [
  Handle,
  Handle,
]
const owner = `AAA${'c'.repeat(22)}` as UserKey
const reference = `AAA${'d'.repeat(22)}` as ReferenceKey
const [now, ttl, document] = [1, 60_000, '{"@":[1,"first0",1,0,3600000,86400000]\n}']
const tombstone = { document: '{"@":["ended"]\n}', ttl }
const patch: Patch = {
  now,
  revision: 'second',
  changes: [],
  onConflict: 'overwrite',
  maxBytes: 4096,
}
const step = { now, revision: 'second', name: '"n"', by: 1, maxBytes: 4096 }

const questions: [name: string, ask: (store: Store) => Promise<unknown>][] = [
  ['load', (store) => store.load(handle)],
  ['create', (store) => store.create(handle, document, ttl)],
  ['pin', (store) => store.pin('n'.repeat(25), handle, ttl)],
  ['adopt', (store) => store.adopt(handle, { document, ttl, now, markTtl: ttl, owner: undefined })],
  ['update', (store) => store.update(handle, patch)],
  ['increment', (store) => store.increment(handle, step)],
  ['touch', (store) => store.touch(handle, now)],
  ['regenerate', (store) => store.regenerate(handle, patch, { successor: other, tombstone })],
  ['end', (store) => store.end(handle, tombstone)],
  ['claim', (store) => store.claim(handle, tombstone, now)],
  ['users.admit', ({ users }) => users.admit(handle, { owner, document, ttl, now })],
  ['users.list', ({ users }) => users.list(owner, { now, offset: 0, count: 10 })],
  ['users.count', ({ users }) => users.count(owner, now)],
  ['users.end', ({ users }) => users.end(owner, { except: undefined, most: 10 })],
  ['users.end one', ({ users }) => users.end(owner, { only: handle, userId: 'ann' })],
  ['users.bar', ({ users }) => users.bar(owner, ttl)],
  ['note', ({ references }) => references.note(reference, handle, now, ttl)],
  ['notedAt', ({ references }) => references.notedAt(reference, handle)],
  ['forget', ({ references }) => references.forget(reference, handle)],
  ['page', ({ references }) => references.page(reference, 'latest', 0, 10)],
  [
    'activity.note',
    ({ activity }) =>
      activity.note({ handle, owner: undefined, namespace: 'app', seenAt: now, keep: ttl }),
  ],
  ['activity.forget', ({ activity }) => activity.forget([handle])],
  ['activity.since', ({ activity }) => activity.since('app', 0, 10)],
]

const cases = questions.flatMap(([name, ask]) =>
  Object.entries(foreign)
    .filter(([what]) => !fitting.has(`${name} ${what}`))
    .map(([what, line]) => [name, what, line, ask] as const),
)

/** A client whose server gives this reply to every question. */
async function clientThatHears(line: string): Promise<Redis> {
  const proxy = await startProxy(redisServers().single.port)
  onTestFinished(() => proxy.stop())
  const client = new Redis({ port: proxy.port })
  onTestFinished(() => client.disconnect())
  await client.ping()
  proxy.meet(() => ({ kind: 'reply', line }))
  return client
}

const refusal = /Redis replied something else than expected/

test.each(cases)('%s: %s is no answer', async (_name, _what, line, ask) => {
  const store = redisStore({ client: await clientThatHears(line), prefix: freshPrefix() })
  await expect(ask(store)).rejects.toThrow(refusal)
})

const stamp = { id: 'ann:old', secrets: [] }

test.each(Object.entries(foreign))(
  'of a session of another package %s says nothing',
  async (_what, line) => {
    const client = await clientThatHears(line)
    const texts = fromKoaGenericSession({ client, keys: false })
    await expect(texts.load(stamp)).rejects.toThrow(refusal)
    const hashes = fromConnectRedisSessions({ client, app: 'app' })
    await expect(hashes.load(stamp)).rejects.toThrow(refusal)
  },
)
