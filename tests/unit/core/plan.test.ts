/** The whole decision table of a request: some rows by name, all 3,840 by their rules. */
import { describe, expect, test } from 'vitest'
import { plan } from '../../../src/core/plan.ts'
import type { Plan, Situation, Standing } from '../../../src/core/plan.ts'

const quiet: Situation = {
  standing: 'live',
  presented: true,
  intent: 'keep',
  changed: false,
  filled: true,
  explicit: false,
  discarded: false,
  touchDue: false,
  cookieDue: false,
  headSent: false,
}
const visitor: Partial<Situation> = { standing: 'none', presented: false, filled: false }
const stranger: Partial<Situation> = { standing: 'none', presented: true, filled: false }
const written: Partial<Situation> = { changed: true, filled: true }

const rows: [title: string, situation: Partial<Situation>, plan: Plan][] = [
  // Nobody yet.
  ['a visitor who only reads gets nothing', visitor, nothing()],
  [
    'a visitor who writes gets a session and a cookie',
    { ...visitor, ...written },
    does('create', 'set'),
  ],
  [
    'an empty session is made where save() asks for it',
    { ...visitor, explicit: true },
    does('create', 'set'),
  ],
  [
    'a session that starts after the head has left is dropped',
    { ...visitor, ...written, headSent: true },
    nothing('head-sent'),
  ],
  [
    'a visitor who regenerates before writing gets one session',
    { ...visitor, ...written, intent: 'regenerate' },
    does('create', 'set'),
  ],
  ['a visitor without a cookie has nothing to end', { ...visitor, intent: 'destroy' }, nothing()],
  // A cookie that names nothing.
  ['an unknown cookie is left alone by a request that only reads', stranger, nothing()],
  [
    'an unknown cookie is replaced where something is written',
    { ...stranger, ...written },
    does('create', 'set'),
  ],
  [
    'an unknown cookie is cleared where the session is ended',
    { ...stranger, intent: 'destroy' },
    does('destroy', 'clear'),
  ],
  // A live session.
  ['a read writes nothing', {}, nothing()],
  ['a read that is due moves the idle limit', { touchDue: true }, does('touch', 'keep')],
  [
    'a cookie with an end of its own moves along with the idle limit',
    { touchDue: true, cookieDue: true },
    does('touch', 'set'),
  ],
  [
    'a cookie cannot move after the head has left, the limit can',
    { touchDue: true, cookieDue: true, headSent: true },
    does('touch', 'keep'),
  ],
  ['a change is saved and the cookie left alone', { changed: true }, does('update', 'keep')],
  [
    'a change that empties the session is saved',
    { changed: true, filled: false },
    does('update', 'keep'),
  ],
  [
    'a change after the head has left is saved',
    { changed: true, headSent: true },
    does('update', 'keep'),
  ],
  [
    'new limits of a persistent cookie are sent with the change',
    { changed: true, cookieDue: true },
    does('update', 'set'),
  ],
  [
    'a discarded change is not saved',
    { changed: true, touchDue: true, discarded: true },
    nothing(),
  ],
  ['assigning null ends the session', { intent: 'destroy' }, does('destroy', 'clear')],
  [
    'assigning null ends the session whatever was written before',
    { ...written, intent: 'destroy' },
    does('destroy', 'clear'),
  ],
  ['a new id is written and sent', { intent: 'regenerate' }, does('regenerate', 'set')],
  [
    'a new id that cannot be sent any more is not written',
    { intent: 'regenerate', headSent: true },
    nothing('head-sent'),
  ],
  [
    'regenerating without data and without writing any ends the session',
    { intent: 'regenerate', filled: false },
    does('destroy', 'clear'),
  ],
  [
    'regenerating without data and saving keeps an empty session',
    { intent: 'regenerate', filled: false, explicit: true },
    does('regenerate', 'set'),
  ],
  // The session got a new id a moment ago.
  ['a late read with the old id does nothing', { standing: 'moved', touchDue: true }, nothing()],
  [
    'a late change with the old id is dropped',
    { standing: 'moved', changed: true },
    nothing('moved'),
  ],
  [
    'a late regeneration with the old id is dropped',
    { standing: 'moved', intent: 'regenerate' },
    nothing('moved'),
  ],
  [
    'a late sign-out with the old id cannot end the new session',
    { standing: 'moved', intent: 'destroy' },
    nothing('moved'),
  ],
  // Its owner destroyed it a moment ago.
  ['a late read after sign-out does nothing', { standing: 'ended', filled: false }, nothing()],
  [
    'a late change after sign-out is dropped',
    { standing: 'ended', changed: true },
    nothing('ended'),
  ],
  [
    'signing in again after sign-out makes a session',
    { ...written, standing: 'ended', intent: 'regenerate' },
    does('create', 'set'),
  ],
  [
    'signing in again after the head has left is dropped',
    { ...written, standing: 'ended', intent: 'regenerate', headSent: true },
    nothing('head-sent'),
  ],
  // It ended while this request worked on it.
  [
    'a change to a session that ended is dropped',
    { standing: 'gone', changed: true },
    nothing('gone'),
  ],
  ['a read of a session that ended does nothing', { standing: 'gone' }, nothing()],
]

test.each(rows)('%s', (_title, situation, expected) => {
  expect(plan({ ...quiet, ...situation })).toEqual(expected)
})

describe('in all situations', () => {
  const situations = everySituation()

  test('there are 5 standings, 3 intents and 8 yes-or-no questions', () => {
    expect(situations).toHaveLength(5 * 3 * 2 ** 8)
  })

  /** Each rule is read as: for all situations that `when` holds for, `then` does. */
  const rules: [
    title: string,
    when: (situation: Situation) => boolean,
    then: (plan: Plan, situation: Situation) => boolean,
  ][] = [
    [
      'a session that moved, or ended during the request, never has its cookie set or cleared',
      ({ standing }) => standing === 'moved' || standing === 'gone',
      ({ cookie }) => cookie === 'keep',
    ],
    [
      'a session that moved, or ended during the request, is never written',
      ({ standing }) => standing === 'moved' || standing === 'gone',
      ({ store }) => store === 'none',
    ],
    [
      'what the owner ended comes back only under a new id that was asked for',
      ({ standing, intent }) => standing === 'ended' && intent !== 'regenerate',
      ({ store, cookie }) => store === 'none' && cookie === 'keep',
    ],
    [
      'a discarded request writes nothing and sends nothing',
      ({ discarded }) => discarded,
      (decided) => decided.store === 'none' && decided.cookie === 'keep' && !decided.dropped,
    ],
    [
      'only a live session is updated, touched or regenerated',
      ({ standing }) => standing !== 'live',
      ({ store }) => !['update', 'touch', 'regenerate'].includes(store),
    ],
    [
      'no session is made where one is live',
      ({ standing }) => standing === 'live',
      ({ store }) => store !== 'create',
    ],
    [
      'no id is set after the head has left',
      ({ headSent }) => headSent,
      ({ store, cookie }) => cookie !== 'set' && store !== 'create' && store !== 'regenerate',
    ],
    [
      'a visitor without a cookie who writes nothing costs nothing',
      ({ standing, presented, filled, explicit }) =>
        standing === 'none' && !presented && !filled && !explicit,
      ({ store, cookie }) => store === 'none' && cookie === 'keep',
    ],
    [
      'a read that is not due costs nothing',
      ({ intent, changed, touchDue }) => intent === 'keep' && !changed && !touchDue,
      ({ store }, { standing }) => standing !== 'live' || store === 'none',
    ],
  ]

  test.each(rules)('%s', (_title, when, then) => {
    const concerned = situations.filter(when)
    expect(concerned).not.toEqual([])
    expect(concerned.filter((situation) => !then(plan(situation), situation))).toEqual([])
  })

  test('the cookie is set exactly where an id is new or its end is moved', () => {
    const wrong = situations.filter((situation) => {
      const { store, cookie } = plan(situation)
      const isNew = store === 'create' || store === 'regenerate'
      const isMoved = (store === 'update' || store === 'touch') && situation.cookieDue
      return (cookie === 'set') !== (isNew || (isMoved && !situation.headSent))
    })
    expect(wrong).toEqual([])
  })

  test('the cookie is cleared exactly where this request ends the session', () => {
    const wrong = situations.filter((situation) => {
      const { store, cookie } = plan(situation)
      return (cookie === 'clear') !== (store === 'destroy')
    })
    expect(wrong).toEqual([])
  })

  test('a session is ended only where the handler asked for it', () => {
    const ended = situations.filter((situation) => plan(situation).store === 'destroy')
    const asked = ended.filter(
      ({ intent, filled, explicit }) =>
        intent === 'destroy' || (intent === 'regenerate' && !filled && !explicit),
    )
    expect(asked).toEqual(ended)
  })

  test('a change is either written or its loss has a reason', () => {
    const lost = situations.filter((situation) => {
      const { store, dropped } = plan(situation)
      const isWritten = store !== 'none' && store !== 'touch'
      return situation.changed && situation.filled && !situation.discarded && !isWritten && !dropped
    })
    // Null assigned by a visitor who has no session: nothing is lost.
    expect(
      lost.filter(({ standing, intent }) => standing !== 'none' || intent !== 'destroy'),
    ).toEqual([])
  })

  test('what is dropped is not written, and a reason is that of the standing or the head', () => {
    const wrong = situations.filter((situation) => {
      const { store, cookie, dropped } = plan(situation)
      if (dropped === undefined) return false
      const isReason =
        dropped === situation.standing || (dropped === 'head-sent' && situation.headSent)
      return store !== 'none' || cookie !== 'keep' || !isReason
    })
    expect(wrong).toEqual([])
  })
})

function nothing(dropped?: Plan['dropped']): Plan {
  return { store: 'none', cookie: 'keep', ...(dropped ? { dropped } : {}) }
}

function does(store: Plan['store'], cookie: Plan['cookie']): Plan {
  return { store, cookie }
}

function everySituation(): Situation[] {
  const standings: Standing[] = ['none', 'live', 'moved', 'ended', 'gone']
  const intents: Situation['intent'][] = ['keep', 'regenerate', 'destroy']
  const bits = Array.from({ length: 2 ** 8 }, (_, bit) => bit)
  return standings.flatMap((standing) =>
    intents.flatMap((intent) =>
      bits.map((bit) => {
        const is = (at: number): boolean => ((bit >> at) & 1) === 1
        return {
          standing,
          intent,
          presented: is(0),
          changed: is(1),
          filled: is(2),
          explicit: is(3),
          discarded: is(4),
          touchDue: is(5),
          cookieDue: is(6),
          headSent: is(7),
        }
      }),
    ),
  )
}
