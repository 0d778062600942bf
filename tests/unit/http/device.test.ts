/** What a user reads in the list of their devices, for what browsers, tools and attackers send. */
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { RequestHead } from '../../../src/core/transport.ts'
import { deviceDescriber, deviceOf } from '../../../src/http/device.ts'
import type { DescribeDevice } from '../../../src/http/device.ts'
import { createSessions } from '../../../src/index.ts'
import { Visitor } from '../../support/visitor.ts'

function head(headers: Record<string, string>, ip?: string, source: unknown = {}): RequestHead {
  return { header: (name) => headers[name], path: '/', secure: true, source, ip }
}

const labelOf = (headers: Record<string, string>): string => deviceOf(head(headers)).label
const chrome = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)'
const iphone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)'
const android = 'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)'

describe('a User-Agent of', () => {
  test.each([
    [
      'Firefox on Windows',
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0',
    ],
    [
      'Firefox on Linux',
      'Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
    ],
    [
      'Firefox on macOS',
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0',
    ],
    ['Firefox on Android', 'Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0'],
    ['Firefox on iPhone', `${iphone} FxiOS/145.0 Mobile/15E148 Safari/605.1.15`],
    [
      'Safari on macOS',
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15',
    ],
    ['Safari on iPhone', `${iphone} Version/26.1 Mobile/15E148 Safari/604.1`],
    [
      'Safari on iPad',
      'Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
    ],
    ['Chrome on Windows', `${chrome} Chrome/142.0.0.0 Safari/537.36`],
    [
      'Chrome on macOS',
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
    ],
    ['Chrome on Android', `${android} Chrome/142.0.0.0 Mobile Safari/537.36`],
    ['Chrome on iPhone', `${iphone} CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1`],
    [
      'Chrome on Chrome OS',
      'Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
    ],
    ['Edge on Windows', `${chrome} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0`],
    ['Edge on iPhone', `${iphone} Version/18.0 EdgiOS/142.0.3595.66 Mobile/15E148 Safari/604.1`],
    ['Opera on Windows', `${chrome} Chrome/141.0.0.0 Safari/537.36 OPR/125.0.0.0`],
    ['Opera Touch on iPhone', `${iphone} Version/18.0 Mobile/15E148 Safari/604.1 OPT/5.3.0`],
    ['Vivaldi on Windows', `${chrome} Chrome/130.0.0.0 Safari/537.36 Vivaldi/7.0`],
    [
      'Samsung Internet on Android',
      `${android} SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36`,
    ],
    [
      'Yandex Browser on Android',
      'Mozilla/5.0 (Linux; arm_64; Android 15; SM-A556E) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 YaBrowser/25.10.0 Mobile Safari/537.36',
    ],
    [
      'Internet Explorer on Windows',
      'Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko',
    ],
    [
      'Googlebot',
      'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Googlebot/2.1; +http://www.google.com/bot.html) Chrome/142.0.0.0 Safari/537.36',
    ],
    [
      'GPTBot',
      'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)',
    ],
    ['SlackBot', 'Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)'],
    [
      'FacebookExternalHit',
      'facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)',
    ],
    ['curl', 'curl/8.5.0'],
    ['Wget', 'Wget/1.21.4'],
    ['python-requests', 'python-requests/2.32.3'],
    ['PostmanRuntime', 'PostmanRuntime/7.43.0'],
    ['okhttp', 'okhttp/4.12.0'],
    ['node', 'node'],
    ['TheApp', 'TheApp/3.2 (build 7) okhttp/4.12.0 x'],
  ])('%s', (label, agent) => {
    expect(labelOf({ 'user-agent': agent })).toBe(label)
  })

  test('a system without a browser that has a name', () => {
    expect(labelOf({ 'user-agent': 'Mozilla/5.0 (Windows NT 10.0)' })).toBe(
      'Unknown browser on Windows',
    )
  })

  test.each([
    undefined,
    '',
    '   ',
    '-',
    'Mozilla/5.0',
    'Mozilla/5.0 (compatible; SomeBot/7.0; +http://example.com/robot/)',
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    '../../etc/passwd',
    '{{constructor}}',
    'x'.repeat(600),
    '/'.repeat(600),
    '('.repeat(600),
    '\u202egnp.exe',
    '__proto__/1.0',
  ])('nobody that is known: %j', (agent) => {
    expect(labelOf(agent === undefined ? {} : { 'user-agent': agent })).toBe('Unknown device')
  })

  test.each(['constructor/1.0', 'toString/1.0', 'hasOwnProperty/1'])(
    'a tool named like a property: %s',
    (agent) => {
      expect(labelOf({ 'user-agent': agent })).toBe(agent.split('/')[0])
    },
  )

  test('any size is read in no time', () => {
    const texts = ['a', '(', ' ', 'Version/', 'Mozilla/5.0 ', 'android ', 'version/1 '].flatMap(
      (part) => [part.repeat(20_000), `${part.repeat(20_000)}safari`],
    )
    const began = performance.now()
    for (let times = 0; times < 20; times++)
      for (const text of texts) labelOf({ 'user-agent': text, 'sec-ch-ua': text })
    expect(performance.now() - began).toBeLessThan(2000)
  })
})

describe('Client Hints', () => {
  const brands = '"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"'

  test.each([
    ['Chrome on Windows', brands, '"Windows"'],
    ['Chrome on macOS', brands, '"macOS"'],
    ['Chrome on Android', brands, '"Android"'],
    ['Chrome on Chrome OS', brands, '"Chromium OS"'],
    [
      'Edge on Windows',
      '"Microsoft Edge";v="142", "Chromium";v="142", "Not?A_Brand";v="24"',
      '"Windows"',
    ],
    ['Brave on Linux', '"Brave";v="142", "Not=A?Brand";v="8", "Chromium";v="142"', '"Linux"'],
    ['Opera on Linux', '"Not;A=Brand";v="99", "Opera";v="125", "Chromium";v="141"', '"Linux"'],
    [
      'Samsung Internet on Android',
      '"Samsung Internet";v="29.0", "Not.A/Brand";v="99", "Chromium";v="136"',
      '"Android"',
    ],
    [
      'Yandex Browser on Linux',
      '"Chromium";v="140", "YaBrowser";v="25.10", "Not-A.Brand";v="99", "Yowser";v="2.5"',
      '"Linux"',
    ],
    [
      'Headless Chrome on Linux',
      '"Not)A;Brand";v="8", "Chromium";v="142", "HeadlessChrome";v="142"',
      '"Linux"',
    ],
    ['Chromium on Linux', '"Not A;Brand";v="99", "Chromium";v="142"', '"Linux"'],
    ['Chrome on Linux', '" Not\\"A;Brand";v="99", "Google Chrome" ; v = "142"', '"Linux"'],
  ])('%s', (label, list, platform) => {
    expect(
      labelOf({ 'sec-ch-ua': list, 'sec-ch-ua-platform': platform, 'sec-ch-ua-mobile': '?0' }),
    ).toBe(label)
  })

  test('count more than the User-Agent', () => {
    const headers = {
      'user-agent': `${chrome} Chrome/142.0.0.0 Safari/537.36`,
      'sec-ch-ua': '"Brave";v="142", "Chromium";v="142"',
      'sec-ch-ua-platform': '"Linux"',
    }
    expect(labelOf(headers)).toBe('Brave on Linux')
  })

  test('that are missing are made up for by the User-Agent', () => {
    const agent = { 'user-agent': `${android} Chrome/142.0.0.0 Mobile Safari/537.36` }
    expect(labelOf({ ...agent, 'sec-ch-ua': '"Brave";v="1"' })).toBe('Brave on Android')
    expect(labelOf({ ...agent, 'sec-ch-ua-platform': '"Chrome OS"' })).toBe('Chrome on Chrome OS')
    expect(labelOf({ ...agent, 'sec-ch-ua-platform': '"Unknown"' })).toBe('Chrome on Android')
  })

  test('tell at least that it is a phone', () => {
    expect(labelOf({ 'sec-ch-ua': brands, 'sec-ch-ua-mobile': '?1' })).toBe('Chrome on a phone')
    expect(labelOf({ 'sec-ch-ua': brands, 'sec-ch-ua-mobile': '?0' })).toBe('Chrome')
    expect(labelOf({ 'sec-ch-ua-mobile': '?1' })).toBe('Unknown browser on a phone')
  })

  test.each([
    ['no list', 'Chrome'],
    ['an unclosed string', '"Chrome;v="1'],
    ['only a made-up name', '"Not_A Brand";v="99"'],
    ['no letters', '"()!";v="1", "";v="2"'],
    ['quotes without end', '"'.repeat(600)],
    ['backslashes without end', `"${'\\'.repeat(600)}`],
  ])('that make no sense are passed over: %s', (_, list) => {
    expect(labelOf({ 'sec-ch-ua': list, 'user-agent': 'curl/8.5.0' })).toBe('curl')
  })

  test.each(['"constructor"', '"__proto__"', 'Windows', '"Windows', '"TempleOS"', '"<b>"', ''])(
    'of a platform that does not exist are passed over: %s',
    (platform) => {
      expect(labelOf({ 'sec-ch-ua': brands, 'sec-ch-ua-platform': platform })).toBe('Chrome')
    },
  )
})

describe('a label', () => {
  const of = (label: unknown) => {
    const describeDevice = (() => ({ label })) as DescribeDevice
    return deviceDescriber(describeDevice)(head({}))?.label
  }

  test('has no line breaks, nothing invisible and nothing that turns the reading direction', () => {
    expect(of('a\r\nb\tc\0d\u001b[31me\u2028f\u202eg\u200bh\u2066i\ufeffj\ud800k')).toBe(
      'abcd[31mefghijk',
    )
    expect(of('  two   words\u00a0\u00a0here ')).toBe('two words here')
  })

  test('has 80 characters at most, and no half ones', () => {
    expect(of('x'.repeat(81))).toBe('x'.repeat(80))
    expect(of('\u{1f4bb}'.repeat(81))).toBe('\u{1f4bb}'.repeat(80))
    expect(of('x'.repeat(1_000_000))).toHaveLength(80)
  })

  test.each([[''], [' \n '], [undefined], [null], [1], [{}], [['Chrome']]])(
    'that is none becomes that of an unknown device: %j',
    (label) => {
      expect(of(label)).toBe('Unknown device')
    },
  )

  test('of hints is cut as well: they are free text', () => {
    const label = labelOf({
      'sec-ch-ua': `"${'x'.repeat(200)}";v="1"`,
      'sec-ch-ua-platform': '"Linux"',
    })
    expect(label).toBe('x'.repeat(80))
    expect(labelOf({ 'sec-ch-ua': '"Evil\u0000\u202eBrowser";v="1"' })).toBe('EvilBrowser')
  })
})

describe('an address', () => {
  const of = (ip: string) => deviceOf(head({}, ip))

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['::1', '::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    [
      '0000:0000:0000:0000:0000:ffff:192.168.100.228',
      '0000:0000:0000:0000:0000:ffff:192.168.100.228',
    ],
  ])('is kept: %s', (ip, kept) => {
    expect(of(ip)).toEqual({ label: 'Unknown device', ip: kept })
  })

  test.each([
    '',
    'unknown',
    'localhost',
    '192.0.2',
    '192.0.2.256',
    '192.0.2.1, 198.51.100.1',
    '192.0.2.1:8080',
    '<b>192.0.2.1</b>',
    "192.0.2.1'; --",
    `fe80::1%${'a'.repeat(60)}`,
    '1'.repeat(1_000_000),
  ])('that is none is left out', (ip) => {
    expect(of(ip)).toEqual({ label: 'Unknown device' })
  })
})

describe('describeDevice', () => {
  const agent = { 'user-agent': 'curl/8.5.0' }

  test("gets the framework's request and replaces the description", () => {
    const source = { name: "Ada's telephone" }
    const describeDevice: DescribeDevice = (request) => ({
      label: (request as typeof source).name,
      ip: '192.0.2.1',
    })
    const device = deviceDescriber(describeDevice)(head(agent, '198.51.100.1', source))
    expect(device).toEqual({ label: "Ada's telephone", ip: '192.0.2.1' })
  })

  test('leaves an address out that is none', () => {
    const describeDevice: DescribeDevice = () => ({ label: 'Laptop', ip: 'secret' })
    expect(deviceDescriber(describeDevice)(head(agent, '192.0.2.1'))).toEqual({ label: 'Laptop' })
  })

  test('keeps nothing where it returns nothing', () => {
    expect(deviceDescriber(() => undefined)(head(agent))).toBeUndefined()
    expect(deviceDescriber((() => null) as unknown as DescribeDevice)(head(agent))).toBeUndefined()
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('agent of Ada')
      },
      /describeDevice threw/,
    ],
    [
      'wants to be waited for',
      async () => Promise.reject(new Error('Ada')),
      /describeDevice .*promise/,
    ],
  ])(
    'fails the sign-in with the remedy, and without the data, where it %s',
    async (_, describing, says) => {
      const describer = deviceDescriber(describing as unknown as DescribeDevice)
      const refusal = expect.objectContaining({ code: 'ERR_OPTION' })
      expect(() => describer(head(agent))).toThrow(refusal)
      expect(() => describer(head(agent))).toThrow(says)
      const asking = async () => describer(head(agent))
      expect(inspect(await asking().catch((error: unknown) => error))).not.toContain('Ada')
    },
  )

  test('is refused at construction where it is no function', () => {
    const describeDevice = 'Firefox' as unknown as DescribeDevice
    expect(() => createSessions({ describeDevice })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION' }),
    )
  })

  test('is asked at a sign-in, and the session and the list of sessions tell what it said', async () => {
    const sessions = createSessions({
      cookie: { secure: true },
      describeDevice: () => ({ label: 'Laptop', ip: '192.0.2.1' }),
    })
    const ada = new Visitor(sessions)
    await ada.visit(async (session) => {
      expect(session.meta.device).toBeUndefined()
      await session.signIn('ada')
      expect(session.meta.device).toEqual({ label: 'Laptop', ip: '192.0.2.1' })
    })
    const page = await sessions.user('ada').list()
    expect(page.sessions.map(({ device }) => device)).toEqual([
      { label: 'Laptop', ip: '192.0.2.1' },
    ])
  })
})
