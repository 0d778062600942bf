-- Purpose: write a user's new session in the place of the one before, note it in the user's index and hold the limit
-- of sessions, in one step.
-- KEYS[1]  the session
-- KEYS[2]  the index of its user, in the same slot
-- KEYS[3]  the session before, where it lies in this slot; else the mark that it was given up for one of this user
-- KEYS[4]  the index of the user of the session before, where it has one and lies in this slot
-- ARGV[1]  document
-- ARGV[2]  its TTL, ms
-- ARGV[3]  now, ms
-- ARGV[4]  most live sessions, this one included | '0' for any number
-- ARGV[5]  'evict-oldest' | 'evict-idle' | 'reject'
-- ARGV[6]  tombstone for KEYS[3] | '' where KEYS[3] is a mark
-- ARGV[7]  TTL of the tombstone or the mark, ms
-- Reply    {'admitted', document of the session before | '', member evicted, ...} | {'rejected'} | {'gone'} | {'taken'}
-- Repeat   a second run finds its own document and replies 'admitted', without the document of the one before
-- The sessions to evict lie in the slot of KEYS[2]; their names follow from its members.
-- @include document
-- @include index
local stored = redis.call('GET', KEYS[1])
if stored == ARGV[1] then return { 'admitted', '' } end
if stored then return { 'taken' } end
local ttl, now, most = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local isHere = KEYS[3] and ARGV[6] ~= ''
local before = KEYS[3] and redis.call('GET', KEYS[3])
if isHere and not live_head(before, now) then return { 'gone' } end
if before and not isHere then return { 'gone' } end
local reply = { 'admitted', before or '' }
if most > 0 and redis.call('ZCARD', KEYS[2]) >= most then
  local place = string.match(KEYS[1], '^.*:')
  local live = {}
  for _, member in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    local head = live_head(redis.call('GET', place .. member), now)
    if not head then redis.call('ZREM', KEYS[2], member)
    elseif not (isHere and place .. member == KEYS[3]) then
      live[#live + 1] = { member = member, created = head.created, seen = head.seen }
    end
  end
  if #live >= most and ARGV[5] == 'reject' then return { 'rejected' } end
  local by = ARGV[5] == 'evict-idle' and 'seen' or 'created'
  table.sort(live, function(a, b)
    return a[by] < b[by] or (a[by] == b[by] and a.member < b.member)
  end)
  for i = 1, #live - most + 1 do
    redis.call('DEL', place .. live[i].member)
    redis.call('ZREM', KEYS[2], live[i].member)
    reply[i + 2] = live[i].member
  end
end
if KEYS[3] then redis.call('SET', KEYS[3], isHere and ARGV[6] or '1', 'PX', ARGV[7]) end
if KEYS[4] then redis.call('ZREM', KEYS[4], member_of(KEYS[3])) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
note_in_index(KEYS[2], KEYS[1], now, ttl)
return reply
