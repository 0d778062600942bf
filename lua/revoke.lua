-- Purpose: end sessions of a user from outside: one that is named, or a batch of all but one.
-- KEYS[1]  the index of the user
-- ARGV[1]  'only' | 'except'
-- ARGV[2]  a member, '' for none
-- ARGV[3]  the user id as JSON text (for 'only') | how many at most (for 'except')
-- Reply    {how many entries the batch had, member ended, ...}; 0 entries: that was all
-- Repeat   harmless
-- No tombstone: no newer cookie is on its way to a client whose session somebody else ended.
-- @include index
local place = place_of(KEYS[1])
if ARGV[1] == 'only' then
  -- The index may have lost the entry; whose session it is stands in its own document.
  local document = redis.call('GET', place .. ARGV[2])
  local line = document and string.match(document, '^{"@":%[1,[^\n]*')
  if not line or not string.find(line, '"user":' .. ARGV[3], 1, true) then return { 0 } end
  redis.call('DEL', place .. ARGV[2])
  redis.call('ZREM', KEYS[1], ARGV[2])
  return { 1, ARGV[2] }
end
local reply, size = { 0 }, 0
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, ARGV[3])) do
  if member ~= ARGV[2] and size < tonumber(ARGV[3]) then
    size = size + 1
    if redis.call('DEL', place .. member) == 1 then reply[#reply + 1] = member end
    redis.call('ZREM', KEYS[1], member)
  end
end
reply[1] = size
return reply
