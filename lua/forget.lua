-- Purpose: remove a session from a reference, unless it was noted anew since.
-- KEYS[1]  the index of the reference
-- ARGV[1]  handle
-- ARGV[2]  the time of the note that is to go | '' for any
-- Reply    'forgotten' | 'kept'
-- Repeat   harmless
local at = redis.call('ZSCORE', KEYS[1], ARGV[1])
if ARGV[2] ~= '' and tonumber(at) ~= tonumber(ARGV[2]) then return 'kept' end
redis.call('ZREM', KEYS[1], ARGV[1])
return 'forgotten'
