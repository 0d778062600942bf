-- Purpose: end sessions of a user from outside: one that is named, or a batch of all but one.
-- KEYS[1]  the index of the user
-- ARGV[1]  'only' | 'except'
-- ARGV[2]  a member, '' for none; one that got a new id meanwhile stands for its successor
-- ARGV[3]  the user id as JSON text (for 'only') | how many at most (for 'except')
-- Reply    {how many entries the batch had, member ended, ...}; fewer than at most: that was all
-- Repeat   harmless
-- No tombstone: no newer cookie is on its way to a client whose session somebody else ended.
-- @include index
-- @include first-line
-- @include successor
local place = place_of(KEYS[1])
local named = ARGV[2] ~= '' and successor_of(place, ARGV[2])
if ARGV[1] == 'only' then
  -- The index may have lost the entry; whose session it is stands in its own document.
  local line = string.match(first_line(place .. named), '^{"@":%[1,[^\n]*')
  if not line or not string.find(line, '"user":' .. ARGV[3], 1, true) then return { 0 } end
  redis.call('DEL', place .. named)
  redis.call('ZREM', KEYS[1], named)
  return { 1, named }
end
local reply, size = { 0 }, 0
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, ARGV[3])) do
  if member ~= named and size < tonumber(ARGV[3]) then
    size = size + 1
    if redis.call('DEL', place .. member) == 1 then reply[#reply + 1] = member end
    redis.call('ZREM', KEYS[1], member)
  end
end
reply[1] = size
return reply
