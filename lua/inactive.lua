-- Purpose: forget sessions in every namespace, and a user who has left. Works when memory is full.
-- KEYS[1]  the namespaces of the shard
-- ARGV[1]  the user | '' for none
-- ARGV[2]  a user who was seen after this is back and stays, ms
-- ARGV[3…] the sessions, at most 500
-- Reply    how many entries were removed
-- Repeat   harmless
-- The sets of all namespaces lie in the slot of KEYS[1]; their names follow from its members.
local removed = 0
for _, namespace in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local place = KEYS[1] .. ':' .. namespace
  if #ARGV > 2 then removed = removed + redis.call('ZREM', place .. ':s', unpack(ARGV, 3)) end
  local seen = ARGV[1] ~= '' and redis.call('ZSCORE', place .. ':u', ARGV[1])
  if seen and tonumber(seen) <= tonumber(ARGV[2]) then
    removed = removed + redis.call('ZREM', place .. ':u', ARGV[1])
  end
end
return removed
