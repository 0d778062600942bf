/** The session of a request from the near cache, without waiting for anything. */
import type { Codec } from './codec.ts'
import type { Fields, Meta } from './document.ts'
import { fieldsOf } from './document.ts'
import type { Engine } from './engine.ts'
import { handleOf } from './id.ts'
import type { Handle, SessionId } from './id.ts'
import type { Found, Loaded } from './load.ts'
import type { Remembered } from './near-cache.ts'
import type { Claim } from './transport.ts'

/** Undefined where the store has to be asked: no near cache, no fresh entry, or more than one id to weigh up. */
export function recall(engine: Engine, { ids, rejected }: Claim): Found | undefined {
  const { nearCache, codec, clock } = engine
  const [id] = ids
  if (!nearCache || id === undefined || ids.length > 1 || rejected) return undefined
  const handle = handleOf(id)
  const remembered = nearCache.find(handle, codec, clock.now())
  if (!remembered) return undefined
  return { standing: 'live', loaded: new Recalled(handle, id, remembered, codec) }
}

/** Its data are decoded for this request alone, and only if it uses them. */
class Recalled implements Loaded {
  readonly handle: Handle
  readonly id: SessionId
  readonly meta: Meta
  readonly body: string
  readonly #text: string
  readonly #shared: Fields | undefined
  readonly #codec: Codec

  constructor(
    handle: Handle,
    id: SessionId,
    { text, meta, body, fields }: Remembered,
    codec: Codec,
  ) {
    this.handle = handle
    this.id = id
    this.meta = meta
    this.body = body
    this.#text = text
    this.#shared = fields
    this.#codec = codec
  }

  get fields(): Fields {
    return this.#shared ?? fieldsOf(this.#text, this.body, this.#codec)
  }
}
