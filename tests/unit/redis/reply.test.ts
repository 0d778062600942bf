/** What is taken for an answer of Redis, and what for none. */
import { expect, test } from 'vitest'
import {
  countedIn,
  countsIn,
  numberIn,
  outcomeIn,
  repliesIn,
  scoredIn,
  textIn,
} from '../../../src/redis/reply.ts'

const outcome = (reply: unknown): unknown => outcomeIn(reply, 'updated', 'gone')
const two = (reply: unknown): unknown => repliesIn(reply, 2)

test.each<[read: (reply: unknown) => unknown, reply: unknown, is: unknown]>([
  [outcome, 'gone', ['gone']],
  [outcome, ['gone'], ['gone']],
  [outcome, ['updated', 'a', 'b'], ['updated', 'a', 'b']],
  [countedIn, 3, [3]],
  [countedIn, [0], [0]],
  [countedIn, [2, 'a', 'b'], [2, 'a', 'b']],
  [countedIn, ['2', 'a', '3'], [2, 'a', '3']],
  [countsIn, [0, 7], [0, 7]],
  [countsIn, ['0', '7'], [0, 7]],
  [two, [1, null], [1, null]],
  [textIn, 'a', 'a'],
  [textIn, '', ''],
  [textIn, null, null],
  [numberIn, null, null],
  [numberIn, 0, 0],
  [numberIn, '1795667239423', 1_795_667_239_423],
  [numberIn, 1.5, 1.5],
  [scoredIn, [], []],
  [
    scoredIn,
    ['a', '1', 'b', '2'],
    [
      { member: 'a', score: 1 },
      { member: 'b', score: 2 },
    ],
  ],
  [
    scoredIn,
    [
      ['a', 1],
      ['b', 2],
    ],
    [
      { member: 'a', score: 1 },
      { member: 'b', score: 2 },
    ],
  ],
])('%o reads %j', (read, reply, is) => {
  expect(read(reply)).toEqual(is)
})

test.each<[read: (reply: unknown) => unknown, says: string, ...replies: unknown[]]>([
  [outcome, 'updated, gone', 'QUEUED', '', null, undefined, 1, [], ['QUEUED'], ['gone', 1], {}],
  [countedIn, 'a count', 'QUEUED', '', '-1', '1.5', null, -1, 1.5, NaN, [], [1, 2], [-1, 'a']],
  [countsIn, 'two counts', 'QUEUED', 1, null, [1], [1, -1], ['a', 2], [1, ''], [-1, 2]],
  [two, '2 replies', 'QUEUED', null, [], [1], [1, 2, 3], { length: 2 }],
  [textIn, 'a text', 'QUEUED', undefined, 1, ['a'], {}],
  [numberIn, 'a number', 'QUEUED', '', undefined, NaN, [1], {}],
  [
    scoredIn,
    'members with scores',
    'QUEUED',
    null,
    1,
    ['a'],
    ['a', null],
    [null, 1],
    ['a', '1', 'b'],
  ],
])('%o takes for none what is none', (read, says, ...replies) => {
  for (const reply of replies) {
    expect(() => read(reply)).toThrow(TypeError)
    expect(() => read(reply)).toThrow(/^Redis replied something else than expected \(/)
  }
  expect(() => read(replies[0])).toThrow(says)
})
