-- Purpose: note a session under a reference; the index lives as long as its longest session can.
-- KEYS[1]  the index of the reference
-- ARGV[1]  handle
-- ARGV[2]  now, ms
-- ARGV[3]  how long the session can live, ms
-- Reply    'noted'
-- Repeat   harmless; each note has a later time than the one before, so that a removal can tell them apart
local before = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0)
local at = math.max(tonumber(ARGV[2]), before + 1)
redis.call('ZADD', KEYS[1], string.format('%.0f', at), ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 'noted'
