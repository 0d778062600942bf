/**
 * Sessions by the value of a field (tenant, OIDC sid …): the entries of an index that lies elsewhere
 * than the sessions, so no step covers both. The entry is written before the session and removed after
 * it: the index may name a session too many, which is found out on reading, but never one too few.
 */
import { hash } from 'node:crypto'
import { answerOf } from './answer.ts'
import { linesOf } from './lines.ts'
import type { Fields, Meta } from './document.ts'
import { ask, askAgain } from './engine.ts'
import type { Engine, HookSession } from './engine.ts'
import { optionError } from './errors.ts'
import type { Handle } from './id.ts'
import { isReserved } from './reserved.ts'

declare const referenceBrand: unique symbol

/** Slot tag and hash of a name and a value, like a handle: no value ever becomes part of a key. */
export type ReferenceKey = string & { readonly [referenceBrand]: true }

/** What a session is found by: the field of that name, or what a function makes of the data. */
export type References = Readonly<Record<string, true | ((session: HookSession) => unknown)>>

const LENGTH = 25
/** A function may return several values; more than this is a mistake. */
const MOST_VALUES = 16

export interface Held {
  readonly handle: Handle
  readonly meta: Meta
  readonly body: string
}

export function referenceKey(
  name: string,
  value: string | number | bigint | boolean,
): ReferenceKey {
  const text = JSON.stringify(['reference', name, String(value)])
  return hash('sha256', text, 'base64url').slice(0, LENGTH) as ReferenceKey
}

/** The references that a session with this body has. Throws ERR_OPTION where a function fails. */
function referencesOf(engine: Engine, body: string): ReferenceKey[] {
  const names = Object.entries(engine.references)
  if (names.length === 0) return []
  const fields = fieldsOf(engine, body)
  return names.flatMap(([name, from]) => keysOf(name, from, fields))
}

/** The same of what is stored, where a function that fails names none: it must not keep a session alive. */
export function storedReferencesOf(engine: Engine, body: string): ReferenceKey[] {
  const names = Object.entries(engine.references)
  if (names.length === 0) return []
  const fields = fieldsOf(engine, body)
  return names.flatMap(([name, from]) => {
    try {
      return keysOf(name, from, fields)
    } catch {
      return []
    }
  })
}

function fieldsOf(engine: Engine, body: string): Fields {
  const fields: Fields = {}
  for (const [name, value] of linesOf(body)) {
    fields[JSON.parse(name) as string] = engine.codec.decode(value)
  }
  return fields
}

function keysOf(
  name: string,
  from: References[string] | undefined,
  fields: Fields,
): ReferenceKey[] {
  const found =
    typeof from === 'function' ? answerOf(`references.${name}`, () => from(fields)) : fields[name]
  const values: unknown[] = [found].flat()
  return values
    .filter(isValue)
    .slice(0, MOST_VALUES)
    .map((value) => referenceKey(name, value))
}

function isValue(value: unknown): value is string | number | bigint | boolean {
  return value !== '' && ['string', 'number', 'bigint', 'boolean'].includes(typeof value)
}

/**
 * Does a write with the references kept true around it: entries of what is to be first, stale ones
 * last, and those only if nobody noted them anew meanwhile.
 */
export async function withReferences<Outcome>(
  engine: Engine,
  next: Held | undefined,
  previous: Held | undefined,
  write: () => Promise<Outcome>,
): Promise<Outcome> {
  if (Object.keys(engine.references).length === 0) return write()
  const { store, clock } = engine
  const before = previous ? storedReferencesOf(engine, previous.body) : []
  const after = next ? referencesOf(engine, next.body) : []
  const isSame = next?.handle === previous?.handle
  const fresh = isSame ? after.filter((key) => !before.includes(key)) : after
  const stale = isSame ? before.filter((key) => !after.includes(key)) : before
  const now = clock.now()
  const note = (key: ReferenceKey): Promise<void> => {
    const { handle, meta } = next as Held
    return store.references.note(key, handle, now, Math.max(1, meta.absoluteDeadline - now))
  }
  const askFor = (key: ReferenceKey): Promise<number | undefined> =>
    store.references.notedAt(key, (previous as Held).handle)
  const [, times] = await askAgain(engine, 'note', () =>
    Promise.all([Promise.all(fresh.map(note)), Promise.all(stale.map(askFor))]),
  )
  const outcome = await write()
  for (const [at, key] of stale.entries()) {
    const notedAt = times[at]
    const { handle } = previous as Held
    // What this fails to remove is found out, and removed, on reading.
    if (notedAt !== undefined)
      ask(engine, 'forget', () => store.references.forget(key, handle, notedAt)).catch(
        () => undefined,
      )
  }
  return outcome
}

/** Throws ERR_OPTION for names that are not configured. */
export function checkedReference(engine: Engine, name: string, value: unknown): ReferenceKey {
  if (!Object.hasOwn(engine.references, name)) {
    throw optionError(
      `There is no reference '${name}': name it in the option references of createSessions.`,
    )
  }
  if (isValue(value)) return referenceKey(name, value)
  throw optionError(
    `A reference is a text that is not empty, a number or a boolean; '${name}' was given something else.`,
  )
}

export function checkedReferences(references: unknown): References {
  if (references === undefined) return {}
  const isRecord =
    typeof references === 'object' && references !== null && !Array.isArray(references)
  const entries = Object.entries(isRecord ? (references as References) : {})
  if (!isRecord || entries.some(([, from]) => from !== true && typeof from !== 'function')) {
    throw optionError(
      'references must be an object of names with true (the field of that name) or a function.',
    )
  }
  const reserved = entries.find(([name, from]) => from === true && isReserved(name))
  if (!reserved) return references as References
  throw optionError(
    `references names '${reserved[0]}', a verb of the session: no field is called so. Give it a function of the data.`,
  )
}
