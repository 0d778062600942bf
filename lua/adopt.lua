-- Purpose: write a session that goes on from one of another package, once: what ended here never comes back from there.
-- KEYS[1]  the session
-- KEYS[2]  the mark that it was written, in the same slot
-- KEYS[3]  the index of its user, where it has one
-- KEYS[4]  the bar: all sessions of the user were revoked, also those that have not come yet
-- ARGV[1]  document
-- ARGV[2]  its TTL, ms
-- ARGV[3]  now, ms
-- ARGV[4]  TTL of the mark, ms
-- Reply    'adopted' | 'known'
-- Repeat   a second run finds its own document and replies 'adopted'
-- @include index
local stored = redis.call('GET', KEYS[1])
if stored == ARGV[1] then return 'adopted' end
local marked = redis.call('EXISTS', KEYS[2]) == 1
if stored or marked or (KEYS[4] and redis.call('EXISTS', KEYS[4]) == 1) then
  if marked and redis.call('PTTL', KEYS[2]) < tonumber(ARGV[4]) then
    -- The other package may have prolonged its session since.
    redis.call('PEXPIRE', KEYS[2], ARGV[4])
  end
  return 'known'
end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[4])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
note_in_index(KEYS[3], KEYS[1], tonumber(ARGV[3]), tonumber(ARGV[2]))
return 'adopted'
