-- Purpose: end sessions of a user from outside: one that is named, or a batch of all but one.
-- KEYS[1]  the index of the user
-- ARGV[1]  what the names of the user's sessions begin with
-- ARGV[2]  'only' | 'except'
-- ARGV[3]  a member, '' for none
-- ARGV[4]  the user id as JSON text (for 'only') | how many at most (for 'except')
-- Reply    the members ended
-- Repeat   harmless
-- No tombstone: no newer cookie is on its way to a client whose session somebody else ended.
if ARGV[2] == 'only' then
  -- The index may have lost the entry; whose session it is stands in its own document.
  local document = redis.call('GET', ARGV[1] .. ARGV[3])
  local line = document and string.match(document, '^{"@":%[1,[^\n]*')
  if not line or not string.find(line, '"user":' .. ARGV[4], 1, true) then return {} end
  redis.call('DEL', ARGV[1] .. ARGV[3])
  redis.call('ZREM', KEYS[1], ARGV[3])
  return { ARGV[3] }
end
local members, keys = {}, {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, ARGV[4])) do
  if member ~= ARGV[3] and #members < tonumber(ARGV[4]) then
    members[#members + 1] = member
    keys[#keys + 1] = ARGV[1] .. member
  end
end
if #members == 0 then return {} end
redis.call('DEL', unpack(keys))
redis.call('ZREM', KEYS[1], unpack(members))
return members
