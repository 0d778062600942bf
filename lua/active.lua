-- Purpose: note that a session, and its user, was seen.
-- KEYS[1]  the namespaces of this shard
-- KEYS[2]  the sessions of one of them
-- KEYS[3]  its users, where the session belongs to one
-- ARGV[1]  when, ms
-- ARGV[2]  for how long it is kept, ms
-- ARGV[3…] a member for each key: the namespace, the session, the user
-- Reply    'noted'
-- Repeat   harmless
-- Each call removes at most 100 entries of a key that are too old, more than it adds. The names of
-- namespaces are bounded too, should they ever come from what clients send.
local oldest = string.format('(%.0f', tonumber(ARGV[1]) - tonumber(ARGV[2]))
for i, key in ipairs(KEYS) do
  redis.call('ZADD', key, 'GT', ARGV[1], ARGV[2 + i])
  local old = redis.call('ZRANGEBYSCORE', key, '-inf', oldest, 'LIMIT', 0, 100)
  if #old > 0 then redis.call('ZREM', key, unpack(old)) end
  if redis.call('PTTL', key) < tonumber(ARGV[2]) then redis.call('PEXPIRE', key, ARGV[2]) end
end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -257)
return 'noted'
