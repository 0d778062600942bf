/**
 * What the store's scripts do to a document, in TypeScript: for stores whose steps are atomic by
 * themselves. The contract tests hold this file and lua/ against each other.
 */
import { encodeExtra } from './document.ts'
import { valueIn, withLine } from './lines.ts'
import type { Lifetime, Patch } from './store.ts'

/** The meta line taken apart; `end` is where its line break stands. */
export interface Head extends Omit<Lifetime, 'persistent'> {
  readonly revision: string
  readonly createdAt: number
  readonly lastSeenAt: number
  readonly extra: string
  readonly end: number
}

export type Spliced =
  | {
      readonly kind: 'updated'
      readonly document: string
      readonly ttl: number
      readonly conflicts: readonly string[]
    }
  | { readonly kind: 'conflict' | 'too-large' | 'gone' }

const HEAD = /^\{"@":\[1,"([\w-]+)",(\d+),(\d+),(\d+),(\d+)([^\n]*)\]\n/

/** The head of a live document; undefined for tombstones, expired sessions and whatever else. */
export function liveHead(document: string, now: number): Head | undefined {
  const match = HEAD.exec(document)
  if (!match) return undefined
  const [line, revision = '', created, seen, idle, absolute, extra = ''] = match
  const head = {
    revision,
    createdAt: Number(created),
    lastSeenAt: Number(created) + Number(seen),
    idleTimeout: Number(idle),
    absoluteDeadline: Number(created) + Number(absolute),
    extra,
    end: line.length - 1,
  }
  const isLive = now < Math.min(head.lastSeenAt + head.idleTimeout, head.absoluteDeadline)
  return isLive ? head : undefined
}

/** Applies a patch to a live document. */
export function applyPatch(document: string, patch: Patch): Spliced {
  const head = liveHead(document, patch.now)
  if (!head) return { kind: 'gone' }
  let body = bodyOf(document, head)
  if (head.revision === patch.revision) return finish(body, head, patch.now, patch.revision, [])
  const conflicts: string[] = []
  for (const { name, from, to } of patch.changes) {
    if (valueIn(body, name) !== from) conflicts.push(name)
    body = withLine(body, name, to)
  }
  if (conflicts.length > 0 && patch.onConflict === 'refuse') return { kind: 'conflict' }
  const next = patch.lifetime ? { ...head, ...relaxed(patch.lifetime) } : head
  const outcome = finish(body, next, patch.now, patch.revision, conflicts)
  return Buffer.byteLength(outcome.document) > patch.maxBytes ? { kind: 'too-large' } : outcome
}

function relaxed(lifetime: Lifetime): Pick<Head, 'idleTimeout' | 'absoluteDeadline' | 'extra'> {
  const { idleTimeout, absoluteDeadline } = lifetime
  return { idleTimeout, absoluteDeadline, extra: encodeExtra(lifetime) }
}

/** All lines behind the head's. */
export function bodyOf(document: string, { end }: Head): string {
  return document.slice(end + 1, -1)
}

/** The document with its idle limit moved: never back, never over the absolute one. */
export function finish(
  body: string,
  head: Head,
  now: number,
  revision: string,
  conflicts: readonly string[],
): Extract<Spliced, { kind: 'updated' }> {
  const seen = Math.max(head.lastSeenAt, now)
  const { createdAt, idleTimeout, absoluteDeadline, extra } = head
  const numbers = `${createdAt},${seen - createdAt},${idleTimeout},${absoluteDeadline - createdAt}`
  const meta = `{"@":[1,"${revision}",${numbers}${extra}]`
  const ttl = Math.max(1, Math.min(seen + idleTimeout, absoluteDeadline) - now)
  return { kind: 'updated', document: `${meta}\n${body}}`, ttl, conflicts }
}
