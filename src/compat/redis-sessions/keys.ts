/** The names of keys and of entries in redis-sessions; they are the original's, to the letter. */

/** Who a session is: its app and token, and the id of the user that it belongs to. */
export interface Holder {
  readonly app: string
  readonly token: string
  readonly id: string
}

export class Keys {
  /** On which processes tell each other what to drop from their caches. */
  readonly channel: string
  /** Of the whole namespace: sorted set, `app:token:id` by the time it ends. */
  readonly all: string
  readonly #start: string

  /** `prefix`: what node_redis had put in front of keys, but not of channels. */
  constructor(namespace: string, prefix = '') {
    this.#start = `${prefix}${namespace}:`
    this.channel = `${namespace}:cache`
    this.all = `${this.#start}SESSIONS`
  }

  record(app: string, token: string): string {
    return `${this.#start}${app}:${token}`
  }

  /** Sorted set: `token:id` by last use. */
  sessions(app: string): string {
    return `${this.#start}${app}:_sessions`
  }

  /** Sorted set: ids of users by last use. */
  users(app: string): string {
    return `${this.#start}${app}:_users`
  }

  /** Set: tokens of a user. */
  user(app: string, id: string): string {
    return `${this.#start}${app}:us:${id}`
  }
}

export function memberOfApp({ token, id }: Holder): string {
  return `${token}:${id}`
}

export function memberOfAll({ app, token, id }: Holder): string {
  return `${app}:${token}:${id}`
}

/** An id may hold colons; an app and a token hold none. */
export function holderInApp(app: string, member: string): Holder | undefined {
  return holderInAll(`${app}:${member}`)
}

export function holderInAll(member: string): Holder | undefined {
  const [, app, token, id] = /^([^:]*):([^:]*):(.*)$/s.exec(member) ?? []
  if (app === undefined || token === undefined || id === undefined) return undefined
  return { app, token, id }
}
