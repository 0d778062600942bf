/** A wrong option is refused while the application starts, and the message says what to do. */
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createSessions, HandstampError } from '../../src/index.ts'
import type { SessionsOptions } from '../../src/index.ts'
import { headerTransport } from '../../src/index.ts'
import { memoryStore } from '../../src/memory/index.ts'
import type { MemoryStoreOptions } from '../../src/memory/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import type { RedisStoreOptions } from '../../src/redis/index.ts'

beforeEach(() => void vi.stubEnv('NODE_ENV', 'test'))
afterEach(() => void vi.unstubAllEnvs())

const SECRET = 'qA9x7Lr2Vn5Tz8Kc3Jw6Ym1Pd4Hf0Gb_'
const call = async (): Promise<unknown> => undefined

describe('createSessions refuses', () => {
  test.each<[title: string, options: unknown, says: RegExp]>([
    ['null', null, /takes an object with options/],
    ['a text', 'redis://localhost', /takes an object with options/],
    ['a function', () => ({}), /takes an object with options/],
    // Durations.
    ['an idle timeout of 0', { idleTimeout: 0 }, /^idleTimeout must be .*'30m'/],
    ['an idle timeout without a unit', { idleTimeout: '1800' }, /^idleTimeout .*'30m'/],
    ['an idle timeout in words', { idleTimeout: 'an hour' }, /^idleTimeout .*'30m'/],
    ['an idle timeout of null', { idleTimeout: null, absoluteTimeout: 0 }, /Timeout must be/],
    ['no end at all', { absoluteTimeout: Number.POSITIVE_INFINITY }, /^absoluteTimeout .*'30m'/],
    ['more than a thousand years', { absoluteTimeout: '1001y' }, /^absoluteTimeout must be/],
    [
      'an absolute timeout under the idle timeout',
      { idleTimeout: '2h', absoluteTimeout: '1h' },
      /absoluteTimeout must be at least idleTimeout/,
    ],
    ['a touch interval of 0', { touchInterval: 0 }, /^touchInterval must be/],
    [
      'a touch interval over half of the idle timeout',
      { idleTimeout: '1h', touchInterval: '31m' },
      /touchInterval must be at most half of idleTimeout/,
    ],
    ['a store timeout of 0', { storeTimeout: 0 }, /^storeTimeout must be/],
    [
      'a store timeout over a minute',
      { storeTimeout: '61s' },
      /storeTimeout must be at most a minute/,
    ],
    // Others of its own.
    ['rolling in words', { rolling: 'yes' }, /rolling must be true or false/],
    [
      'a limit that holds nothing',
      { maxBytes: 1023 },
      /maxBytes must be .* from 1,024 to 1,048,576/,
    ],
    ['a limit over what is read', { maxBytes: 1024 * 1024 + 1 }, /maxBytes/],
    ['a limit in words', { maxBytes: '64kB' }, /maxBytes/],
    ['a limit that is no whole number', { maxBytes: 2000.5 }, /maxBytes/],
    [
      'an unknown way with conflicts',
      { onConflict: 'first-wins' },
      /'last-write-wins', 'error' or a f/,
    ],
    ['null for a way with conflicts', { onConflict: null }, /onConflict must be/],
    ['an id in place of a generator', { generateId: 'abc' }, /generateId must be a function/],
    ['a validate that is none', { validate: true }, /validate must be a function/],
    ['a beforeSave that is none', { beforeSave: {} }, /beforeSave must be a function/],
    // Parts.
    [
      'the name of a store',
      { store: 'redis' },
      /store must be redisStore\(…\) or memoryStore\(…\)/,
    ],
    ['null for a store', { store: null }, /store must be redisStore/],
    ['the function that makes a store', { store: memoryStore }, /store must be redisStore/],
    ['a bare Redis client', { store: { call, get: call, set: call } }, /a bare client is none/],
    [
      'the store of another library',
      { store: { get: call, set: call, destroy: call, touch: call } },
      /a store of another library/,
    ],
    [
      'a store that lacks a verb',
      { store: { ...verbsOfAStore(), end: undefined } },
      /store must be/,
    ],
    ...(['users', 'references', 'activity', 'revocations'] as const).map(
      (part): [string, object, RegExp] => [
        `a store without ${part}`,
        { store: { ...verbsOfAStore(), [part]: undefined } },
        /store must be/,
      ],
    ),
    [
      'a reference named as a verb',
      { references: { save: true } },
      /'save', a verb of the session/,
    ],
    ['a transport by name', { transport: 'header' }, /transport must be headerTransport\(…\)/],
    ['an empty transport', { transport: {} }, /transport must be headerTransport/],
    ['null for a transport', { transport: null }, /transport must be/],
    [
      'a transport together with a cookie',
      { transport: headerTransport(), cookie: {} },
      /transport replaces the cookie/,
    ],
    [
      'a transport together with a secret',
      { transport: headerTransport(), secret: SECRET },
      /transport replaces the cookie: give it the secret/,
    ],
    [
      'a codec by name',
      { codec: 'superjson' },
      /codec must be an object with encode\(\) and decode/,
    ],
    ['a codec of half', { codec: { encode: String } }, /codec must be/],
    ['null for a codec', { codec: null }, /codec must be/],
    ['a clock that is a function', { clock: Date.now }, /clock must be an object with now\(\)/],
    ['a clock that has stopped', { clock: {} }, /clock must be/],
    ['null for a clock', { clock: null }, /clock must be/],
    // Cookies and secrets; each of their own refusals is tested with them.
    ['null for a cookie', { cookie: null }, /cookie must be an object/],
    ['no cookie', { cookie: false }, /cookie must be an object/],
    ['the name of a cookie', { cookie: 'sid' }, /cookie must be an object/],
    ['a wrong cookie', { cookie: { sameSite: 'none' } }, /needs cookie\.secure: true/],
    ['a weak secret', { secret: 'keyboard cat' }, /openssl rand -base64 32/],
    ['null for a secret', { secret: null }, /^secret must/],
    // A typing error.
    ['an unknown option', { idleTimout: '1h' }, /no option 'idleTimout': see docs\/options\.md/],
    ['__proto__ as an option', JSON.parse('{"__proto__":{}}'), /no option '__proto__'/],
    ['constructor as an option', { constructor: 1 }, /no option 'constructor': see docs/],
  ])('%s', (_title, options, says) => {
    expect(() => createSessions(options as SessionsOptions<object>)).toThrow(refusal(says))
  })

  test.each<[option: string, remedy: RegExp]>([
    ['name', /cookie\.name/],
    ['key', /cookie\.name/],
    ['keys', /secret/],
    ['password', /secret/],
    ['signed', /secret/],
    ['genid', /generateId/],
    ['genSid', /generateId/],
    ['maxAge', /idleTimeout and absoluteTimeout, with cookie\.persistent/],
    ['ttl', /idleTimeout/],
    ['sameSite', /cookie\.sameSite/],
    ['secure', /cookie\.secure/],
    ['httpOnly', /cookie\.httpOnly/],
    ['domain', /cookie\.domain/],
    ['path', /cookie\.path/],
    ['proxy', /the framework knows which proxies it trusts/],
    ['resave', /only changes are ever written/],
    ['saveUninitialized', /nothing is stored before something is written/],
    ['allowEmpty', /session\.save\(\)/],
    ['unset', /assigning null destroys/],
    ['valid', /validate/],
    ['errorHandler', /sessions\.events/],
    ['sessionIdStore', /transport/],
    ['prefix', /redisStore/],
    ['client', /redisStore/],
    ['url', /redisStore/],
    ['serializer', /codec/],
  ])('%s of other libraries, and names what stands for it here', (option, remedy) => {
    const options = { [option]: true } as SessionsOptions<object>
    expect(() => createSessions(options)).toThrow(refusal(new RegExp(`'${option}': `)))
    expect(() => createSessions(options)).toThrow(refusal(remedy))
  })
})

describe('createSessions accepts', () => {
  test.each<[title: string, options: SessionsOptions<Record<string, unknown>> | undefined]>([
    ['nothing', undefined],
    ['no options', {}],
    ['undefined, which means the default', { idleTimeout: undefined, store: undefined } as object],
    ['an idle timeout over a day alone', { idleTimeout: '30d' }],
    ['equal timeouts', { idleTimeout: '1h', absoluteTimeout: '1h' }],
    ['a touch interval of half of the idle timeout', { idleTimeout: '1h', touchInterval: '30m' }],
    ['the smallest and the largest limit', { maxBytes: 1024 }],
    ['a store written elsewhere', { store: verbsOfAStore() }],
    ['another transport', { transport: headerTransport() }],
    ['a function for the cookie', { cookie: () => ({}) }],
    ['two secrets', { secret: [SECRET, SECRET.toLowerCase()] }],
    ['a function for conflicts', { onConflict: (_field, { mine }) => mine }],
  ])('%s', (_title, options) => {
    expect(() => createSessions(options)).not.toThrow()
  })
})

describe('redisStore refuses', () => {
  test.each<[title: string, options: unknown, says: RegExp]>([
    ['nothing', undefined, /redisStore takes an object/],
    ['null', null, /redisStore takes an object/],
    ['a URL outside of an object', 'redis://localhost', /redisStore takes an object/],
    ['no client and no URL', {}, /either a client or a url such as redis:\/\/localhost:6379/],
    [
      'a client and a URL',
      { client: { call }, url: 'redis://localhost' },
      /either a client or a url/,
    ],
    ['a URL of another scheme', { url: 'http://localhost' }, /a url such as redis:/],
    ['a URL that is a host', { url: 'localhost:6379' }, /a url such as redis:/],
    ['an empty URL', { url: '' }, /a url such as redis:/],
    ['a URL object', { url: new URL('redis://localhost') }, /a url such as redis:/],
    ['null for a client', { client: null }, /a client of ioredis, redis \(node-redis 5 or later\)/],
    ['an object that is no client', { client: {} }, /a client of ioredis/],
    ['the class of a client', { client: Redis }, /a client of ioredis/],
    ['the options of a client', { client: { host: 'localhost' } }, /a client of ioredis/],
    [
      'a client of node-redis 3',
      { client: { sendCommand: call, send_command: call, connected: true } },
      /node-redis 5 or later/,
    ],
    ['a prefix with a brace', { client: { call }, prefix: 'app{1}:' }, /prefix must be .*'hs:'/],
    ['a prefix with a space', { client: { call }, prefix: 'my app:' }, /prefix must be/],
    ['a prefix with a star', { client: { call }, prefix: '*' }, /prefix must be/],
    ['a prefix with a line break', { client: { call }, prefix: 'a\n' }, /prefix must be/],
    [
      'a prefix too long',
      { client: { call }, prefix: 'a'.repeat(65) },
      /prefix must be at most 64/,
    ],
    ['a prefix that is a number', { client: { call }, prefix: 5 }, /prefix must be/],
    ['null for a prefix', { client: { call }, prefix: null }, /prefix must be/],
    [
      'an unknown option',
      { client: { call }, prefx: 'x' },
      /no option 'prefx': it takes client or u/,
    ],
  ])('%s', (_title, options, says) => {
    expect(() => redisStore(options as RedisStoreOptions)).toThrow(refusal(says))
  })

  test.each<[option: string, remedy: RegExp]>([
    ['ttl', /idleTimeout of createSessions/],
    ['disableTTL', /every key has an end/],
    ['disableTouch', /touchInterval of createSessions/],
    ['serializer', /codec of createSessions/],
    ['host', /url/],
    ['port', /url/],
    ['db', /url/],
    ['scanCount', /never scanned/],
  ])('%s of other libraries, and names what stands for it here', (option, remedy) => {
    const options = { client: { call }, [option]: 5 }
    expect(() => redisStore(options)).toThrow(refusal(remedy))
  })
})

test.each(['', 'app:', 'a.b-c_d:', 'x'.repeat(64)])(
  'redisStore accepts the prefix %o',
  (prefix) => {
    expect(() => redisStore({ client: { call }, prefix })).not.toThrow()
  },
)

describe('memoryStore refuses', () => {
  test.each<[title: string, options: unknown, says: RegExp]>([
    ['null', null, /memoryStore takes an object/],
    ['a number', 1000, /memoryStore takes an object/],
    ['room for no session', { maxSessions: 0 }, /maxSessions must be a whole number of at least 1/],
    ['room for half a session', { maxSessions: 0.5 }, /maxSessions/],
    ['room without end', { maxSessions: Number.POSITIVE_INFINITY }, /maxSessions/],
    ['room in words', { maxSessions: '1000' }, /maxSessions/],
    ['null for room', { maxSessions: null }, /maxSessions/],
    ['a clock that is a function', { clock: Date.now }, /clock must be an object with now\(\)/],
    ['null for a clock', { clock: null }, /clock must be/],
    [
      'checkPeriod of another library',
      { checkPeriod: 1000 },
      /no option 'checkPeriod'; it takes max/,
    ],
  ])('%s', (_title, options, says) => {
    expect(() => memoryStore(options as MemoryStoreOptions)).toThrow(refusal(says))
  })
})

test('a refusal is an error of the one class, with a stable code', () => {
  expect(() => createSessions({ idleTimeout: 0 })).toThrow(HandstampError)
})

test.each([
  ['once', 'production', 1],
  ['not at all', 'development', 0],
])(
  'the memory store warns %s of itself where NODE_ENV is %s',
  async (_often, environment, times) => {
    vi.resetModules()
    vi.stubEnv('NODE_ENV', environment)
    const { memoryStore: fresh } = await import('../../src/memory/index.ts')
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    fresh()
    fresh()
    expect(warn.mock.calls).toHaveLength(times)
    warn.mockRestore()
  },
)

function refusal(says: RegExp): Error {
  return expect.objectContaining({
    code: 'ERR_OPTION',
    message: expect.stringMatching(says),
  }) as Error
}

function verbsOfAStore(): ReturnType<typeof memoryStore> {
  const store = memoryStore()
  return {
    load: (handle) => store.load(handle),
    create: (handle, document, ttl) => store.create(handle, document, ttl),
    adopt: (...args) => store.adopt(...args),
    pin: (...args) => store.pin(...args),
    update: (handle, patch) => store.update(handle, patch),
    increment: (handle, step) => store.increment(handle, step),
    touch: (handle, now) => store.touch(handle, now),
    regenerate: (handle, patch, succession) => store.regenerate(handle, patch, succession),
    end: (handle, tombstone) => store.end(handle, tombstone),
    claim: (...args) => store.claim(...args),
    users: store.users,
    references: store.references,
    activity: store.activity,
    revocations: store.revocations,
    close: () => store.close(),
  }
}
