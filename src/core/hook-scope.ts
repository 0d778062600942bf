/** Which code runs in a hook, and which beside it. */
import { AsyncLocalStorage } from 'node:async_hooks'

interface Scope {
  readonly owner: object
  isOver: boolean
}

const scopes = new AsyncLocalStorage<Scope>()

/** Runs a hook of the owner. */
export async function within(owner: object, hook: () => unknown): Promise<void> {
  const scope = { owner, isOver: false }
  try {
    await scopes.run(scope, async () => hook())
  } finally {
    scope.isOver = true
  }
}

/** Whether the code at hand was called by a hook of the owner that still runs. */
export function isWithin(owner: object): boolean {
  const scope = scopes.getStore()
  return scope?.owner === owner && !scope.isOver
}
