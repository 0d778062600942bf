-- Purpose: enter a member into an index of redis-sessions, which then lives long enough for it
--          and for those that other programs enter without moving its expiry.
-- KEYS[1]  the index: a sorted set, or a set
-- ARGV[1]  how long the entry may be needed, s
-- ARGV[2]  how long the index is kept at least, s
-- ARGV[3]  the member
-- ARGV[4]  its score; empty for a set
-- Reply    'noted'
-- Repeat   harmless
local left, wanted = redis.call('TTL', KEYS[1]), math.max(tonumber(ARGV[1]), tonumber(ARGV[2]))
if ARGV[4] == '' then
  redis.call('SADD', KEYS[1], ARGV[3])
else
  redis.call('ZADD', KEYS[1], ARGV[4], ARGV[3])
end
if left < wanted then redis.call('EXPIRE', KEYS[1], string.format('%.0f', wanted)) end
return 'noted'
