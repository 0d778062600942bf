/** Two requests wrote the same field: what becomes of it, and who is told. */
import { refuseUnstorable } from './changes.ts'
import { decodeDocument, encodeField } from './document.ts'
import { linesOf } from './lines.ts'
import type { Fields } from './document.ts'
import type { Engine } from './engine.ts'
import { goneError, HandstampError } from './errors.ts'
import type { Handle } from './id.ts'
import type { FieldChange } from './store.ts'

/** 50 requests at once on one field take 50 tries at most; a writer that loses this often never wins. */
export const MOST_TRIES = 1000

/** Decides the conflicts with a document that another request wrote; throws ERR_CONFLICT unless the app resolves them. */
export function rebase(
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
    if (from === change.from) return change
    const field = JSON.parse(change.name) as string
    names.push(field)
    if (typeof onConflict !== 'function') return change
    const [base, stored, mine] = [change.from, from, change.to].map((text) => valueOf(engine, text))
    const value = onConflict(field, { base, theirs: stored, mine })
    fields[field] = value
    const to = encodeField(field, value, codec) ?? ''
    refuseUnstorable(field, value, to, codec)
    return { name: change.name, from, to }
  })
  engine.events.tell('conflict', { handle, fields: names })
  if (typeof onConflict !== 'function') throw conflictError(names)
  return next
}

export function tellConflicts(engine: Engine, handle: Handle, names: readonly string[]): void {
  if (names.length === 0) return
  engine.events.tell('conflict', {
    handle,
    fields: names.map((name) => JSON.parse(name) as string),
  })
}

/** The lines of a document that a store sent back with a conflict. */
export function linesIn(engine: Engine, document: string): Map<string, string> {
  const decoded = decodeDocument(document, engine.codec)
  if (decoded.kind !== 'live') throw goneError()
  return linesOf(decoded.body)
}

/** What a field's text stands for; '' is an absent field. */
export function valueOf(engine: Engine, text: string): unknown {
  return text === '' ? undefined : engine.codec.decode(text)
}

export function conflictError(fields: readonly string[]): HandstampError {
  return new HandstampError(
    'ERR_CONFLICT',
    `Another request changed the same field (${fields.map((field) => `'${field}'`).join(', ')}); nothing was saved. ` +
      'Use session.update() for changes that build on the stored value, or repeat the request.',
    { fields },
  )
}
