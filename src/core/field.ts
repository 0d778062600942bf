/** One field, changed atomically in the store. */
import { refuseUnstorable, tooLargeError } from './changes.ts'
import { conflictError, linesIn, MOST_TRIES, valueOf } from './conflict.ts'
import { encodeField } from './document.ts'
import { valueIn, withLine } from './lines.ts'
import type { Meta } from './document.ts'
import { ask } from './engine.ts'
import type { Engine } from './engine.ts'
import { notIntegerError } from './errors.ts'
import { withReferences } from './references.ts'
import type { Patch } from './store.ts'
import { newRevision, ownerOf, writtenMeta } from './write.ts'
import type { Stored } from './write.ts'

export interface FieldUpdate {
  readonly value: unknown
  readonly before: unknown
  /** The value as it is stored now. */
  readonly to: string
  readonly meta: Meta
}

interface Incremented {
  readonly kind: 'incremented'
  readonly value: number
  readonly meta: Meta
}

/**
 * Compare-and-set of one field until it holds; undefined where the session is gone. Only the writes
 * queue up with others of the request: `change` may take its time, and call verbs itself.
 */
export async function updateField(
  engine: Engine,
  stored: Stored,
  field: string,
  change: (stored: unknown) => unknown,
  serially: <Reply>(work: () => Promise<Reply>) => Promise<Reply>,
): Promise<FieldUpdate | undefined> {
  const { store, codec, maxBytes, clock } = engine
  const name = JSON.stringify(field)
  let from = valueIn(stored.body, name)
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const before = valueOf(engine, from)
    const changed = change(valueOf(engine, from))
    // Not awaited where there is nothing to wait for: the write is to be under way when this returns.
    const value = changed instanceof Promise ? ((await changed) as unknown) : changed
    const to = encodeField(field, value, codec) ?? ''
    refuseUnstorable(field, value, to, codec)
    const now = clock.now()
    const revision = newRevision()
    const patch: Patch = {
      now,
      revision,
      changes: [{ name, from, to }],
      onConflict: 'refuse',
      maxBytes,
      owner: ownerOf(stored.meta),
    }
    const next = { ...stored, body: withLine(stored.body, name, to) }
    const outcome = await serially(() =>
      withReferences(engine, next, stored, () =>
        ask(engine, 'update', () => store.update(stored.handle, patch)),
      ),
    )
    if (outcome.kind === 'gone') return undefined
    if (outcome.kind === 'too-large')
      throw tooLargeError(undefined, maxBytes, { [field]: value }, codec)
    if (outcome.kind === 'updated') {
      return { value, before, to, meta: writtenMeta(stored.meta, revision, now) }
    }
    from = linesIn(engine, outcome.document).get(name) ?? ''
  }
  throw conflictError([field])
}

/** Adds to a field in one step of the store. */
export async function incrementField(
  engine: Engine,
  { handle, meta }: Stored,
  field: string,
  by: number,
  fields: object,
): Promise<Incremented | { readonly kind: 'not-integer' } | { readonly kind: 'gone' }> {
  const { store, clock, maxBytes, codec } = engine
  const now = clock.now()
  const revision = newRevision()
  const owner = ownerOf(meta)
  const step = { now, revision, name: JSON.stringify(field), by, maxBytes, owner }
  const outcome = await ask(engine, 'increment', () => store.increment(handle, step))
  if (outcome.kind === 'too-large') throw tooLargeError(undefined, maxBytes, fields, codec)
  if (outcome.kind !== 'incremented') return outcome
  return { ...outcome, meta: writtenMeta(meta, revision, now) }
}

/** Absent counts as 0. Throws ERR_NOT_INTEGER. */
export function sumOf(field: string, stored: unknown = 0, by: number): number {
  const sum = Number.isSafeInteger(stored) ? (stored as number) + by : NaN
  if (Number.isSafeInteger(sum)) return sum
  throw notIntegerError(field)
}
