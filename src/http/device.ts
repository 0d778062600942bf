/** What a user recognises a device by, from what its browser says of itself: a help to the memory, never a proof. */
import { isIP } from 'node:net'
import { parse } from 'bowser'
import { answerOf } from '../core/answer.ts'
import type { Device } from '../core/device.ts'
import { optionError } from '../core/errors.ts'
import type { RequestHead } from '../core/transport.ts'

/** Replaces the built-in description; gets the framework's request. Undefined: no device is kept. */
export type DescribeDevice = (
  request: unknown,
) => { readonly label: string; readonly ip?: string | undefined } | undefined

const MOST_LABEL = 80
/** The longest text of an IPv6 address, with an IPv4 address at its end. */
const MOST_IP = 45
/** Browsers stay far below; a longer text is made to keep a parser busy. */
const MOST_HEADER = 512
const UNKNOWN = 'Unknown device'

/**
 * Such as "Firefox on Windows": without versions, because browsers have frozen those of the system
 * (every Mac is a "10.15.7"), and those of the browser change every month.
 */
export function deviceOf(request: RequestHead): Device {
  const agent = readUserAgent(request.header('user-agent')?.slice(0, MOST_HEADER) ?? '')
  const browser = readBrands(request.header('sec-ch-ua')) ?? agent.browser
  const isMobile = request.header('sec-ch-ua-mobile') === '?1'
  const platform = readPlatform(request.header('sec-ch-ua-platform'))
  const system = platform ?? agent.system ?? (isMobile ? 'a phone' : undefined)
  return clean(labelOf(browser, system), request.ip)
}

/** The option, checked; what it returns is cut to size. Throws ERR_OPTION. */
export function deviceDescriber(
  describe: DescribeDevice | undefined,
): (request: RequestHead) => Device | undefined {
  if (describe === undefined) return deviceOf
  if (typeof describe !== 'function') throw optionError('describeDevice must be a function.')
  return ({ source }) => {
    const described = answerOf('describeDevice', () =>
      describe(source),
    ) as ReturnType<DescribeDevice>
    return described ? clean(described.label, described.ip) : undefined
  }
}

function labelOf(browser: string | undefined, system: string | undefined): string {
  if (system === undefined) return browser ?? UNKNOWN
  return `${browser ?? 'Unknown browser'} on ${system}`
}

/** Shown in lists and mails: no line breaks, nothing invisible, nothing that turns the reading direction. */
function clean(label: unknown, ip: unknown): Device {
  const text = typeof label === 'string' ? label.slice(0, MOST_HEADER) : ''
  const visible = text
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '')
    .replace(/\s+/g, ' ')
    .trim()
  const cut = Array.from(visible).slice(0, MOST_LABEL).join('').trim()
  const address = addressOf(ip)
  return { label: cut || UNKNOWN, ...(address === undefined ? {} : { ip: address }) }
}

/** A server on both protocols sees IPv4 clients as `::ffff:192.0.2.1` (RFC 4291 section 2.5.5.2). */
function addressOf(ip: unknown): string | undefined {
  if (typeof ip !== 'string' || ip.length > MOST_IP) return undefined
  const plain = ip.replace(/^::ffff:(?=\d+\.)/i, '')
  return isIP(plain) === 0 ? undefined : plain
}

/** Names that are longer or stranger than what people say. */
const SPOKEN = new Map([
  ['Google Chrome', 'Chrome'],
  ['Microsoft Edge', 'Edge'],
  ['Samsung Internet for Android', 'Samsung Internet'],
  ['HeadlessChrome', 'Headless Chrome'],
  ['YaBrowser', 'Yandex Browser'],
])

/** One member of the list: a string in quotes, then its version (RFC 8941; UA Client Hints section 3.1). */
const BRAND = /"((?:[^"\\]|\\.)*)"\s*;\s*v\s*=\s*"/g

/** Of Chromium and what is built on it, the latter; among them lies a made-up name, so that nobody counts on a list. */
function readBrands(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  const brands = Array.from(header.slice(0, MOST_HEADER).matchAll(BRAND), ([, name = '']) => name)
  const real = brands.filter((name) => {
    const letters = name.replace(/[^A-Za-z]/g, '')
    return letters !== '' && letters !== 'NotABrand'
  })
  const brand = real.find((name) => name !== 'Chromium') ?? real[0]
  return brand && (SPOKEN.get(brand) ?? brand)
}

const PLATFORMS = new Map([
  ['Android', 'Android'],
  ['Chrome OS', 'Chrome OS'],
  ['Chromium OS', 'Chrome OS'],
  ['iOS', 'iOS'],
  ['Linux', 'Linux'],
  ['macOS', 'macOS'],
  ['Windows', 'Windows'],
])

function readPlatform(header: string | undefined): string | undefined {
  return PLATFORMS.get(/^"([^"]{1,20})"$/.exec(header ?? '')?.[1] ?? '')
}

interface Agent {
  readonly browser: string | undefined
  readonly system: string | undefined
}

function readUserAgent(text: string): Agent {
  // Bowser throws on an empty text.
  if (text.trim() === '') return { browser: undefined, system: undefined }
  const { browser, os, platform } = parse(text)
  // Of what it does not know Bowser returns the beginning of the text.
  const isGuessed = browser.name === undefined || text.startsWith(browser.name)
  const name = isGuessed ? productOf(text) : browser.name
  const isApple = platform.vendor === 'Apple' && os.name === 'iOS'
  return {
    browser: name && (SPOKEN.get(name) ?? name),
    system: (isApple && platform.model) || os.name,
  }
}

/** Tools and apps name themselves first: `curl/8.5.0` (RFC 9110 section 10.1.5). Browsers all say Mozilla. */
function productOf(text: string): string | undefined {
  const product = /^([A-Za-z][\w.-]{1,39})(?:\/|$)/.exec(text)?.[1]
  return product === 'Mozilla' ? undefined : product
}
