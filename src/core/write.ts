/** The writes of a session: each builds its document or patch, asks the store once, and reads the outcome. */
import { tooLargeError } from './changes.ts'
import {
  decodeDocument,
  encodeDocument,
  encodeField,
  endedTombstone,
  linesOf,
  movedTombstone,
} from './document.ts'
import type { Fields, Meta } from './document.ts'
import { ask } from './engine.ts'
import type { Engine } from './engine.ts'
import { goneError, HandstampError } from './errors.ts'
import { handleOf, newSessionId, randomTag, randomText, tagOf } from './id.ts'
import type { Handle, SessionId } from './id.ts'
import { ttlOf } from './policy.ts'
import type { FieldChange, Lifetime, Patch, Succession, Taken, UpdateOutcome } from './store.ts'

const REVISION_LENGTH = 6
/** 50 requests at once on one field take 50 tries at most; a writer that loses this often never wins. */
const MOST_TRIES = 1000
/** Two equal ids of 256 random bits do not happen; of a custom generator they may. */
const MOST_IDS = 3

/** A session as it stands in the store, as far as this request knows. */
export interface Stored {
  readonly handle: Handle
  readonly id: SessionId | undefined
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
    const outcome = await ask(engine, 'create', engine.store.create(handle, document, ttl))
    // A client that resends a command whose reply was lost finds its own document.
    if (
      outcome === 'created' ||
      (await ask(engine, 'load', engine.store.load(handle))) === document
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
  changes: readonly FieldChange[],
  lifetime: Lifetime | undefined,
  fields: Fields,
): Promise<Meta | undefined> {
  const { handle } = stored
  const send = (patch: Patch): Promise<UpdateOutcome> =>
    ask(engine, 'update', engine.store.update(handle, patch))
  return writePatch(engine, stored, changes, lifetime, fields, send)
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
    let taken = false
    const send = async (patch: Patch): Promise<UpdateOutcome> => {
      const tombstone = movedTombstone(successor, patch.now + next.grace)
      const ttl = next.fresh ? ttlOf(next.fresh, patch.now) : 0
      const succession: Succession = {
        successor,
        tombstone,
        ...(document === undefined ? {} : { fresh: { document, ttl } }),
      }
      const outcome = await ask(
        engine,
        'regenerate',
        engine.store.regenerate(stored.handle, patch, succession),
      )
      taken = isTaken(outcome)
      return isTaken(outcome) ? { kind: 'gone' } : outcome
    }
    const meta = await writePatch(engine, stored, changes, next.lifetime, fields, send)
    if (taken) continue
    if (!meta) return undefined
    engine.events.tell('regenerated', { handle: stored.handle, successor })
    return { handle: successor, id, meta: next.fresh ?? meta, body: next.body }
  }
  throw repeatingIds()
}

function isTaken(outcome: UpdateOutcome | Taken): outcome is Taken {
  return outcome.kind === 'taken'
}

async function writePatch(
  engine: Engine,
  stored: Stored,
  changes: readonly FieldChange[],
  lifetime: Lifetime | undefined,
  fields: Fields,
  send: (patch: Patch) => Promise<UpdateOutcome>,
): Promise<Meta | undefined> {
  const { events, onConflict, maxBytes, clock, codec } = engine
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
    }
    const outcome = await send(patch)
    switch (outcome.kind) {
      case 'updated':
        tellConflicts(engine, handle, outcome.conflicts)
        return {
          ...stored.meta,
          ...lifetime,
          revision: patch.revision,
          lastSeenAt: Math.max(stored.meta.lastSeenAt, patch.now),
        }
      case 'gone':
        return undefined
      case 'too-large':
        throw tooLargeError(undefined, maxBytes, fields, codec)
      case 'conflict':
        pending = rebase(engine, handle, pending, outcome.document, fields)
    }
  }
  events.tell('conflict', { handle, fields: changes.map(({ name }) => JSON.parse(name) as string) })
  throw conflictError(changes.map(({ name }) => JSON.parse(name) as string))
}

/** Decides the conflicts with a document that another request wrote; throws ERR_CONFLICT unless the app resolves them. */
function rebase(
  engine: Engine,
  handle: Handle,
  changes: readonly FieldChange[],
  document: string,
  fields: Fields,
): readonly FieldChange[] {
  const { codec, onConflict } = engine
  const theirs = linesIn(engine, document)
  const names: string[] = []
  const next = changes.map((change): FieldChange => {
    const from = theirs.get(change.name) ?? ''
    if (from === change.from || from === change.to) return { ...change, from }
    const field = JSON.parse(change.name) as string
    names.push(field)
    if (typeof onConflict !== 'function') return change
    const [base, stored, mine] = [change.from, from, change.to].map((text) => valueOf(engine, text))
    fields[field] = onConflict(field, { base, theirs: stored, mine })
    return { name: change.name, from, to: encodeField(field, fields[field], codec) ?? '' }
  })
  engine.events.tell('conflict', { handle, fields: names })
  if (typeof onConflict !== 'function') throw conflictError(names)
  return next
}

/** Compare-and-set of one field until it holds; undefined where the session is gone. */
export async function updateField(
  engine: Engine,
  stored: Stored,
  field: string,
  change: (stored: unknown) => unknown,
): Promise<
  | { readonly value: unknown; readonly before: unknown; readonly to: string; readonly meta: Meta }
  | undefined
> {
  const { store, codec, maxBytes, clock } = engine
  const name = JSON.stringify(field)
  let from = linesOf(stored.body).get(name) ?? ''
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const before = valueOf(engine, from)
    const value = await change(valueOf(engine, from))
    const to = encodeField(field, value, codec) ?? ''
    const now = clock.now()
    const revision = newRevision()
    const patch: Patch = {
      now,
      revision,
      changes: [{ name, from, to }],
      onConflict: 'exact',
      maxBytes,
    }
    const outcome = await ask(engine, 'update', store.update(stored.handle, patch))
    if (outcome.kind === 'gone') return undefined
    if (outcome.kind === 'too-large')
      throw tooLargeError(undefined, maxBytes, { [field]: value }, codec)
    if (outcome.kind === 'updated') {
      return {
        value,
        before,
        to,
        meta: { ...stored.meta, revision, lastSeenAt: Math.max(stored.meta.lastSeenAt, now) },
      }
    }
    from = linesIn(engine, outcome.document).get(name) ?? ''
  }
  throw conflictError([field])
}

interface Incremented {
  readonly kind: 'incremented'
  readonly value: number
  readonly meta: Meta
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
  const step = { now, revision, name: JSON.stringify(field), by, maxBytes }
  const outcome = await ask(engine, 'increment', store.increment(handle, step))
  if (outcome.kind === 'too-large') throw tooLargeError(undefined, maxBytes, fields, codec)
  if (outcome.kind !== 'incremented') return outcome
  return { ...outcome, meta: { ...meta, revision, lastSeenAt: Math.max(meta.lastSeenAt, now) } }
}

/** Ends whatever stands under a handle. */
export async function end(engine: Engine, handle: Handle): Promise<void> {
  const outcome = await ask(engine, 'end', engine.store.end(handle, endedTombstone))
  if (outcome === 'ended') engine.events.tell('destroyed', { handle })
}

function linesIn(engine: Engine, document: string): Map<string, string> {
  const decoded = decodeDocument(document, engine.codec)
  if (decoded.kind !== 'live') throw goneError()
  return linesOf(decoded.body)
}

function valueOf(engine: Engine, text: string | undefined): unknown {
  return text === undefined || text === '' ? undefined : engine.codec.decode(text)
}

function tellConflicts(engine: Engine, handle: Handle, names: readonly string[]): void {
  if (names.length === 0) return
  engine.events.tell('conflict', {
    handle,
    fields: names.map((name) => JSON.parse(name) as string),
  })
}

function checked(engine: Engine, document: string, fields: object): string {
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

function conflictError(fields: readonly string[]): HandstampError {
  return new HandstampError(
    'ERR_CONFLICT',
    `Another request changed the same field (${fields.map((field) => `'${field}'`).join(', ')}); nothing was saved. ` +
      'Use session.update() for changes that build on the stored value, or repeat the request.',
    { fields },
  )
}

function repeatingIds(): HandstampError {
  return new HandstampError(
    'ERR_WEAK_ID',
    'generateId returned ids that are in use already; it must be random.',
  )
}
