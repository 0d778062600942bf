-- Purpose: note a session in the set of a field's value; the set lives at least as long as the session.
-- KEYS[1]  the set
-- ARGV[1]  session id
-- ARGV[2]  how long the session can live, ms
-- Reply    1 | 0 where it was noted before
-- Repeat   harmless; replies 0
-- A set of old without an expiry gets one: its PTTL is -1.
local added = redis.call('SADD', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return added
