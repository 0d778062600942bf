/** A sign-in as one request does it: the session at hand becomes one of a user's, at once. */
import { changesOf } from './changes.ts'
import type { Fields } from './document.ts'
import { goneError, headSentError } from './errors.ts'
import { checkLifetime, freshMeta, resolveLifetime } from './lifetime.ts'
import { fill } from './session-object.ts'
import type { SignInOptions } from './session.ts'
import { signIn, userMeta } from './sign-in.ts'
import { userKeyOf } from './user.ts'
import type { WorkingCopy } from './working-copy.ts'

/** Throws what `session.signIn` throws; the visitor then keeps the session that they had. */
export async function signInWith(
  copy: WorkingCopy,
  userId: string,
  { keepData = true, ...lifetime }: SignInOptions,
): Promise<void> {
  const { engine, stored, request } = copy
  if (copy.standing === 'moved' || copy.standing === 'gone') throw goneError()
  if (copy.headSent) throw headSentError()
  const limits = { ...copy.lifetime, ...checkLifetime(lifetime) }
  resolveLifetime(limits, freshMeta(engine, engine.clock.now()))
  if (copy.session === null) copy.replace({})
  const session = copy.session as unknown as Fields
  const before = { ...session }
  if (!keepData) fill(session, {})
  try {
    await copy.runBeforeSave()
    const isCarried = keepData && (copy.intent !== 'regenerate' || copy.keepData)
    const { body } = changesOf('', session, engine.codec)
    const meta = userMeta(engine, request, userId, limits)
    const next = { meta, body, fields: session, keepData: isCarried }
    const admitted = await signIn(engine, request.source, userKeyOf(userId), next, stored)
    if (!admitted) return copy.gone()
    copy.startAnew()
    copy.written(admitted)
  } catch (error) {
    if (!keepData) fill(session, before)
    throw error
  }
  copy.presented = []
  copy.cookie = 'set'
}
