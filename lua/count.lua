-- Purpose: how many sessions of a user have not expired; removes entries that have, a batch per call.
-- KEYS[1]  the index of the user
-- ARGV[1]  now, ms
-- ARGV[2]  most entries to remove
-- Reply    {how many live, how many were removed}
-- Repeat   harmless
local ended = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
if #ended > 0 then redis.call('ZREM', KEYS[1], unpack(ended)) end
return { redis.call('ZCOUNT', KEYS[1], '(' .. ARGV[1], '+inf'), #ended }
