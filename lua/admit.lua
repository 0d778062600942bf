-- Purpose: write a user's new session, note it in the user's index and hold the limit of sessions, in one step.
-- KEYS[1]  the session
-- KEYS[2]  the index of its user, in the same slot
-- ARGV[1]  document
-- ARGV[2]  its TTL, ms
-- ARGV[3]  now, ms
-- ARGV[4]  most live sessions, this one included | '0' for any number
-- ARGV[5]  'evict-oldest' | 'evict-idle' | 'reject'
-- Reply    {'admitted', member evicted, ...} | {'rejected'} | {'taken'}
-- Repeat   a second run finds its own document and replies 'admitted'
-- The sessions to evict lie in the slot of KEYS[2]; their names follow from its members.
-- @include document
-- @include index
local stored = redis.call('GET', KEYS[1])
if stored == ARGV[1] then return { 'admitted' } end
if stored then return { 'taken' } end
local ttl, now, most = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local reply = { 'admitted' }
if most > 0 and redis.call('ZCARD', KEYS[2]) >= most then
  local place = string.match(KEYS[1], '^.*:')
  local live = {}
  for _, member in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    local head = live_head(redis.call('GET', place .. member), now)
    if head then live[#live + 1] = { member = member, created = head.created, seen = head.seen }
    else redis.call('ZREM', KEYS[2], member) end
  end
  if #live >= most and ARGV[5] == 'reject' then return { 'rejected' } end
  local by = ARGV[5] == 'evict-idle' and 'seen' or 'created'
  table.sort(live, function(a, b)
    return a[by] < b[by] or (a[by] == b[by] and a.member < b.member)
  end)
  for i = 1, #live - most + 1 do
    redis.call('DEL', place .. live[i].member)
    redis.call('ZREM', KEYS[2], live[i].member)
    reply[i + 1] = live[i].member
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
note_in_index(KEYS[2], member_of(KEYS[1]), now, ttl)
return reply
