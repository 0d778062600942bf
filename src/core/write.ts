/** The writes of a session: each builds its document or patch, asks the store once, and reads the outcome. */
import { tooLargeError } from './changes.ts'
import type { Changes } from './changes.ts'
import { conflictError, MOST_TRIES, rebase, tellConflicts } from './conflict.ts'
import { encodeDocument, endedTombstone, movedTombstone } from './document.ts'
import type { Fields, Meta } from './document.ts'
import { askAgain } from './engine.ts'
import type { Engine } from './engine.ts'
import { tellDestroyed, tellRevoked } from './ended.ts'
import { HandstampError } from './errors.ts'
import type { RevokedBy } from './events.ts'
import { handleOf, newSessionId, randomTag, randomText, tagOf } from './id.ts'
import type { Handle, SessionId } from './id.ts'
import { ttlOf } from './policy.ts'
import type { Held } from './references.ts'
import { withReferences } from './references.ts'
import { userKeyOf } from './user.ts'
import type { UserKey } from './user.ts'
import type {
  FieldChange,
  Lifetime,
  Patch,
  Succession,
  Taken,
  Tombstone,
  UpdateOutcome,
} from './store.ts'

const REVISION_LENGTH = 6
/** Two equal ids of 256 random bits do not happen; of a custom generator they may. */
export const MOST_IDS = 3

/** A session as it stands in the store, as far as this request knows. */
export interface Stored {
  readonly handle: Handle
  readonly id: SessionId | undefined
  /** What the client presented instead, within the grace of a regenerated session. */
  readonly formerId?: SessionId | undefined
  readonly meta: Meta
  readonly body: string
}

export function newRevision(): string {
  return randomText(REVISION_LENGTH)
}

/** Writes a new session under a new id. */
export async function create(
  engine: Engine,
  request: unknown,
  meta: Meta,
  body: string,
  fields: object,
): Promise<Stored> {
  const document = checked(engine, encodeDocument(meta, body), fields)
  const ttl = ttlOf(meta, engine.clock.now())
  for (let tries = 0; tries < MOST_IDS; tries++) {
    const id = await newSessionId(randomTag(), engine.generateId, request)
    const handle = handleOf(id)
    const outcome = await withReferences(engine, { handle, meta, body }, undefined, () =>
      askAgain(engine, 'create', () => engine.store.create(handle, document, ttl)),
    )
    // A client that resends a command whose reply was lost finds its own document.
    if (
      outcome === 'created' ||
      (await askAgain(engine, 'load', () => engine.store.load(handle))) === document
    ) {
      engine.events.tell('created', { handle })
      return { handle, id, meta, body }
    }
  }
  throw repeatingIds()
}

/** Writes changed fields; undefined where the session is gone. `fields` receives what a resolver decided. */
export async function update(
  engine: Engine,
  stored: Stored,
  { changes, body }: Changes,
  lifetime: Lifetime | undefined,
  fields: Fields,
): Promise<Meta | undefined> {
  const send = (patch: Patch): Promise<UpdateOutcome> =>
    askAgain(engine, 'update', () => engine.store.update(stored.handle, patch))
  const next = { handle: stored.handle, meta: { ...stored.meta, ...lifetime }, body }
  const written = await withReferences(engine, next, stored, () =>
    writePatch(engine, stored, changes, lifetime, fields, send),
  )
  return typeof written === 'string' ? undefined : written
}

/** Gives a live session a new id; undefined where it is gone. `fresh` is the new session, else the data stay. */
export async function regenerate(
  engine: Engine,
  request: unknown,
  stored: Stored,
  next: {
    changes: readonly FieldChange[]
    lifetime: Lifetime | undefined
    grace: number
    fresh?: Meta
    body: string
  },
  fields: Fields,
): Promise<Stored | undefined> {
  const document = next.fresh && checked(engine, encodeDocument(next.fresh, next.body), fields)
  const changes = document === undefined ? next.changes : []
  for (let tries = 0; tries < MOST_IDS; tries++) {
    const id = await newSessionId(tagOf(stored.handle), engine.generateId, request)
    const successor = handleOf(id)
    const send = (patch: Patch): Promise<UpdateOutcome | Taken> => {
      const tombstone = movedTombstone(successor, patch.now + next.grace)
      const ttl = next.fresh ? ttlOf(next.fresh, patch.now) : 0
      const succession: Succession = {
        successor,
        tombstone,
        ...(document === undefined ? {} : { fresh: { document, ttl } }),
      }
      const { store } = engine
      return askAgain(engine, 'regenerate', () =>
        store.regenerate(stored.handle, patch, succession),
      )
    }
    const meta = next.fresh ?? { ...stored.meta, ...next.lifetime }
    const held = { handle: successor, meta, body: next.body }
    const written = await withReferences(engine, held, stored, () =>
      writePatch(engine, stored, changes, next.lifetime, fields, send),
    )
    if (written === 'taken') continue
    if (written === 'gone') return undefined
    engine.events.tell('regenerated', { handle: stored.handle, successor })
    return { handle: successor, id, meta: next.fresh ?? written, body: next.body }
  }
  throw repeatingIds()
}

async function writePatch(
  engine: Engine,
  stored: Stored,
  changes: readonly FieldChange[],
  lifetime: Lifetime | undefined,
  fields: Fields,
  send: (patch: Patch) => Promise<UpdateOutcome | Taken>,
): Promise<Meta | 'gone' | 'taken'> {
  const { onConflict, maxBytes, clock, codec } = engine
  const { handle } = stored
  let pending = changes
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const patch: Patch = {
      now: clock.now(),
      revision: newRevision(),
      changes: pending,
      ...(lifetime ? { lifetime } : {}),
      onConflict: onConflict === 'last-write-wins' ? 'overwrite' : 'refuse',
      maxBytes,
      size: stored.body.length,
      owner: ownerOf(stored.meta),
    }
    const outcome = await send(patch)
    switch (outcome.kind) {
      case 'updated':
        tellConflicts(engine, handle, outcome.conflicts)
        return { ...writtenMeta(stored.meta, patch.revision, patch.now), ...lifetime }
      case 'gone':
      case 'taken':
        return outcome.kind
      case 'too-large':
        throw tooLargeError(undefined, maxBytes, fields, codec)
      case 'conflict':
        pending = rebase(engine, handle, pending, outcome.document, fields)
    }
  }
  throw conflictError(changes.map(({ name }) => JSON.parse(name) as string))
}

/** The metadata after a write, as the store has it too. */
export function writtenMeta(meta: Meta, revision: string, now: number): Meta {
  return { ...meta, revision, lastSeenAt: Math.max(meta.lastSeenAt, now) }
}

/** Whose index a write keeps true. */
export function ownerOf({ signIn }: Meta): UserKey | undefined {
  return signIn && userKeyOf(signIn.userId)
}

/**
 * Ends whatever stands under a handle; false where nothing was live. `by`: it was not its owner, and
 * no newer cookie is on its way to the client that a tombstone would have to protect.
 */
export async function end(
  engine: Engine,
  handle: Handle,
  stored?: Held,
  by?: RevokedBy,
): Promise<boolean> {
  if (!(await remove(engine, handle, stored, by ? undefined : endedTombstone))) return false
  if (by) tellRevoked(engine, [handle], by, stored?.meta.signIn?.userId)
  else tellDestroyed(engine, handle, stored && ownerOf(stored.meta))
  return true
}

/** The same without a word: for a session that nobody has heard of yet. */
export async function remove(
  engine: Engine,
  handle: Handle,
  stored?: Held,
  tombstone?: Tombstone,
): Promise<boolean> {
  const owner = stored && ownerOf(stored.meta)
  const outcome = await withReferences(engine, undefined, stored, () =>
    askAgain(engine, 'end', () => engine.store.end(handle, tombstone, owner)),
  )
  return outcome === 'ended'
}

export function checked(engine: Engine, document: string, fields: object): string {
  const bytes = Buffer.byteLength(document)
  if (bytes > engine.maxBytes) throw tooLargeError(bytes, engine.maxBytes, fields, engine.codec)
  return document
}

/** Warns early: at half of the limit somebody can still do something about it. */
export function noteSize(engine: Engine, handle: Handle, document: string): void {
  if (document.length * 3 < engine.maxBytes / 2) return
  const bytes = Buffer.byteLength(document)
  if (bytes > engine.maxBytes / 2)
    engine.events.tell('large', { handle, bytes, limit: engine.maxBytes })
}

export function repeatingIds(): HandstampError {
  return new HandstampError(
    'ERR_WEAK_ID',
    'generateId returned ids that are in use already; it must be random.',
  )
}
