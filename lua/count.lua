-- Purpose: how many live sessions a user has; removes entries that have expired, a batch per call.
-- KEYS[1]  the index of the user
-- ARGV[1]  now, ms
-- ARGV[2]  a batch: most entries to remove, and most to look behind
-- Reply    {how many live, how many have expired and were removed}
-- Repeat   harmless
-- Entries without a session are told apart, and removed too, where there are no more than a batch.
-- @include index
local most, place = tonumber(ARGV[2]), place_of(KEYS[1])
local expired = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, most)
if #expired > 0 then redis.call('ZREM', KEYS[1], unpack(expired)) end
local live = redis.call('ZCARD', KEYS[1])
if live > most then return { redis.call('ZCOUNT', KEYS[1], '(' .. ARGV[1], '+inf'), #expired } end
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if redis.call('GETRANGE', place .. member, 0, 7) ~= '{"@":[1,' then
    live = live - redis.call('ZREM', KEYS[1], member)
  end
end
return { live, #expired }
