/** Which visits a request has: one per engine that is mounted, the latest first. */
import type { Visit } from './visit.ts'

/** One property for all engines: on what a framework lends, each further one is dear. */
const VISIT = Symbol('handstamp.visit')

interface Carrier {
  [VISIT]?: Visit<object>
}

export function addVisit(carriers: readonly object[], visit: Visit<object>): void {
  for (const carrier of carriers as readonly Carrier[]) {
    visit.behind ??= carrier[VISIT]
    carrier[VISIT] = visit
  }
}

export function findVisit(
  carrier: object,
  isWanted: (visit: Visit<object>) => boolean,
): Visit<object> | undefined {
  let visit = (carrier as Carrier)[VISIT]
  while (visit && !isWanted(visit)) visit = visit.behind
  return visit
}
