/** The import table of the house, executed. */
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { circleIn, importsOf } from './support/imports.ts'
import type { Import } from './support/imports.ts'

interface Room {
  /** The rooms under src/ it may import, besides itself. */
  readonly rooms: readonly string[]
  /** The packages it may import. */
  readonly packages: readonly string[]
  /** Optional peers: types, or loaded only where the user has asked for them. */
  readonly peers: readonly string[]
}

const table: Record<string, Room> = {
  core: { rooms: [], packages: ['@lukeed/ms', 'cockatiel', 'lru-cache'], peers: [] },
  http: { rooms: ['core'], packages: ['bowser', 'cookie'], peers: [] },
  redis: { rooms: ['core'], packages: [], peers: ['ioredis', 'redis', 'iovalkey'] },
  memory: { rooms: ['core'], packages: ['lru-cache'], peers: [] },
  node: { rooms: ['core'], packages: [], peers: [] },
  // http: CSRF is decided there, and each framework mounts it.
  adapters: { rooms: ['core', 'http', 'node'], packages: [], peers: ['koa'] },
  // One drop-in for each replaced package: a file with its name, and a folder where one file is too few.
  compat: {
    rooms: ['core', 'http', 'redis', 'memory', 'node'],
    packages: ['cookie', 'cookie-signature', 'keygrip', 'lru-cache'],
    peers: ['koa', 'ioredis', 'redis', 'iovalkey', 'express-session'],
  },
  // Sessions of other packages, read where they lie.
  migrate: {
    rooms: ['core', 'http', 'redis'],
    packages: ['cookie', 'cookie-signature', 'keygrip'],
    peers: [],
  },
  // The files directly in src/. No room may import them.
  '.': { rooms: ['core', 'http', 'memory'], packages: [], peers: [] },
}

/** A peer appears in one file only; where it must be a certain one, this is it. */
const ownFile: Record<string, string> = { koa: 'adapters/koa.ts' }

/** Sockets belong to these rooms. */
const socketRooms = ['node', 'adapters', 'compat']
const sockets = /^node:(http|https|http2|net|tls|dgram)$/
/** `isIP` of node:net looks at a text and opens nothing. */
const withoutSockets = ['http/device.ts']

const src = fileURLToPath(new URL('../src', import.meta.url))
const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'))
  .toSorted()
const sources = new Map(files.map((file) => [file, readFileSync(join(src, file), 'utf8')]))
const imports = [...sources].flatMap(([file, source]) =>
  importsOf(source).map((found) => ({ file, ...found })),
)

describe('a source file', () => {
  test('lies in a room of the table', () => {
    expect(files).not.toEqual([])
    const rooms = new Set(files.map(roomOf))
    expect([...rooms].filter((room) => !table[room])).toEqual([])
  })

  test('imports its own room and the rooms that the table allows', () => {
    const violations = imports.flatMap((found) => {
      const room = roomOf(found.file)
      const target = targetOf(found)
      if (target === undefined || roomOf(target) === room) return []
      if (table[room]?.rooms.includes(roomOf(target))) return []
      const allowed = [room, ...(table[room]?.rooms ?? [])].join(', ')
      return [`src/${found.file} imports src/${target}; it may import from: ${allowed}`]
    })
    expect(violations).toEqual([])
  })

  test('names an imported file in full, with .ts', () => {
    const violations = imports.flatMap((found) => {
      const target = targetOf(found)
      return target === undefined || sources.has(target) ? [] : [line(found)]
    })
    expect(violations).toEqual([])
  })

  test('imports the packages that the table allows', () => {
    const violations = imports.flatMap((found) => {
      const { specifier, kind, file } = found
      const room = table[roomOf(file)]
      if (specifier.startsWith('.') || specifier.startsWith('node:')) return []
      if (room?.packages.includes(specifier)) return []
      if (kind !== 'value' && room?.peers.includes(specifier)) return []
      if (!room?.peers.includes(specifier)) return [line(found)]
      return [`${line(found)}; an optional peer is imported as a type or with import()`]
    })
    expect(violations).toEqual([])
  })

  test('knows a framework or a client only if it is the one file for it', () => {
    const owners = new Map(Object.entries(ownFile))
    const violations = imports.flatMap((found) => {
      const { specifier, file } = found
      if (!table[roomOf(file)]?.peers.includes(specifier)) return []
      const owner = owners.get(specifier) ?? file
      owners.set(specifier, owner)
      return file === owner ? [] : [`${line(found)}, which belongs to src/${owner}`]
    })
    expect(violations).toEqual([])
  })

  test('touches sockets only in the rooms for them', () => {
    const violations = imports.filter(
      ({ file, specifier }) =>
        sockets.test(specifier) &&
        !socketRooms.includes(roomOf(file)) &&
        !withoutSockets.includes(file),
    )
    expect(violations.map(line)).toEqual([])
  })

  test('is never part of a circle of imports', () => {
    const graph = new Map(files.map((file) => [file, [] as string[]]))
    for (const found of imports) {
      const target = targetOf(found)
      if (found.kind !== 'type' && target !== undefined) graph.get(found.file)?.push(target)
    }
    expect(circleIn(graph)?.join(' → ')).toBeUndefined()
  })

  test('has at most 300 lines, unless it is generated', () => {
    const violations = [...sources].flatMap(([file, source]) => {
      const lines = source.trimEnd().split('\n').length
      return lines <= 300 || file.endsWith('.generated.ts') ? [] : [`src/${file}: ${lines} lines`]
    })
    expect(violations).toEqual([])
  })
})

describe('these tests', () => {
  test('see every form of import', () => {
    const source = `
/**
 * import { comment } from 'comment'
 */
import './effect.ts'
import one from 'one'
import * as two from 'two'
import { three } from 'three'
import {
  four,
  type Four,
} from 'four'
import type { Five } from 'five'
export { six } from './six.ts'
export * from './seven.ts'
export type { Eight } from './eight.ts'
export const text = 'text'
const nine = await import('nine')
// await import('comment')
let ten: typeof import('ten')
`
    const by = (kind: Import['kind']) =>
      importsOf(source).flatMap((found) => (found.kind === kind ? [found.specifier] : []))
    expect(by('value')).toEqual([
      './effect.ts',
      'one',
      'two',
      'three',
      'four',
      './six.ts',
      './seven.ts',
    ])
    expect(by('type')).toEqual(['five', './eight.ts'])
    expect(by('dynamic')).toEqual(['nine', 'ten'])
  })

  test('see a circle', () => {
    const edges = { a: ['b', 'c'], b: ['d'], c: ['d'], d: [] as string[] }
    expect(circleIn(new Map(Object.entries(edges)))).toBeUndefined()
    expect(circleIn(new Map(Object.entries({ ...edges, d: ['c'] })))).toEqual(['d', 'c', 'd'])
  })
})

function roomOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] ?? '') : '.'
}

/** The imported file, relative to src/; undefined for a package. */
function targetOf({ file, specifier }: Import & { file: string }): string | undefined {
  return specifier.startsWith('.')
    ? join(dirname(file), specifier).replaceAll('\\', '/')
    : undefined
}

function line({ file, specifier }: Import & { file: string }): string {
  return `src/${file} imports ${specifier}`
}
