import { expect, test } from 'vitest'
import { cookieValues } from '../../../src/http/cookie-values.ts'

test.each([
  ['', []],
  ['other=1', []],
  ['sid', []],
  ['sidecar=1', []],
  ['other=sid=1', []],
  ['sid=', ['']],
  ['sid=a.b-c_1', ['a.b-c_1']],
  [' sid=a ;sid=b; x=sid; sid=a', ['a', 'b', 'a']],
  ['sid=s%3Aabc%2F', ['s:abc/']],
  ['sid="a b"', ['"a b"']],
  ['sid=a%ZZ', ['a%ZZ']],
])('in %j sid is %j', (header, values) => {
  expect(cookieValues(header, 'sid')).toEqual(values)
})

test('what was not encoded is left as it is', () => {
  expect(cookieValues('sid=s%3Aabc; sid="a"', 'sid', false)).toEqual(['s%3Aabc', '"a"'])
})
