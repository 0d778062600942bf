/** Patches of sessions, as lua/include/patch.lua reads them; those of one turn of the event loop travel as one script. */
import { encodeExtra } from '../core/document.ts'
import type { Handle } from '../core/id.ts'
import type { Patch, UpdateOutcome } from '../core/store.ts'
import type { Driver } from './driver.ts'
import { keysOf } from './keys.ts'
import { outcomeIn, repliesIn } from './reply.ts'
import { runScript } from './script.ts'
import * as scripts from './scripts.generated.ts'
import { gatheringSlots } from './turn.ts'

/** Redis does nothing else while a script runs: about 5 µs for each typical session, more for larger ones. */
const MOST_AT_ONCE = 32
/** Characters of documents and changes. */
const MOST_LENGTH = 32_768

interface Update {
  readonly handle: Handle
  readonly patch: Patch
}

/** On a Cluster two sessions are seldom in one slot, as a script wants its keys. */
export function updating(
  prefix: string,
  driver: Driver,
): (update: Update) => Promise<UpdateOutcome> {
  const run = async (updates: readonly Update[]): Promise<(UpdateOutcome | Error)[]> => {
    const keys: string[] = []
    const args: string[] = []
    for (const { handle, patch } of updates) {
      const own = keysOf(prefix, handle, patch.owner)
      const patchArgs = patchArguments(patch)
      keys.push(...own)
      args.push(String(own.length), String(patchArgs.length), ...patchArgs)
    }
    const reply = await runScript(driver, scripts.update, keys as [string], args)
    return repliesIn(reply, updates.length).map(replyIn)
  }
  const one = async (update: Update): Promise<UpdateOutcome> => {
    const [outcome] = await run([update])
    if (outcome instanceof Error) throw outcome
    return outcome as UpdateOutcome
  }
  if (driver.isCluster) return one
  /** What fails one script is no failure of the others. */
  const partly = (updates: readonly Update[]): Promise<(UpdateOutcome | Error)[]> =>
    run(updates).catch((error: unknown) => updates.map(() => error as Error))
  return gatheringSlots(one, async (updates) =>
    (await Promise.all(partsOf(updates).map(partly))).flat(),
  )
}

/** In order, as much in each as one script may take. */
function partsOf(updates: readonly Update[]): Update[][] {
  const parts: Update[][] = []
  let length = Infinity
  for (const update of updates) {
    const own = lengthOf(update.patch)
    length += own
    const last = parts.at(-1)
    if (last && last.length < MOST_AT_ONCE && length <= MOST_LENGTH) last.push(update)
    else {
      parts.push([update])
      length = own
    }
  }
  return parts
}

function lengthOf({ size = 0, changes }: Patch): number {
  return changes.reduce((sum, { from, to }) => sum + from.length + to.length, size)
}

export function patchArguments({
  now,
  revision,
  onConflict,
  maxBytes,
  lifetime,
  changes,
}: Patch): string[] {
  const args = [String(now), revision, onConflict, String(maxBytes), '', '', '']
  if (lifetime) {
    const { idleTimeout, absoluteDeadline } = lifetime
    args.splice(4, 3, String(idleTimeout), String(absoluteDeadline), encodeExtra(lifetime))
  }
  for (const { name, from, to } of changes) args.push(name, from, to)
  return args
}

/** What became of a patch. */
export function patchOutcome(reply: unknown): UpdateOutcome {
  const [kind, ...rest] = outcomeIn(reply, 'updated', 'conflict', 'too-large', 'gone')
  if (kind === 'updated') return { kind, conflicts: rest }
  return kind === 'conflict' ? { kind, document: rest[0] ?? '' } : { kind }
}

function replyIn(reply: unknown): UpdateOutcome | Error {
  try {
    if (!Array.isArray(reply) || reply[0] !== 'failed') return patchOutcome(reply)
    return new Error(outcomeIn(reply, 'failed')[1])
  } catch (error) {
    return error as Error
  }
}
