-- Purpose: end a session. Works when memory is full: DEL is allowed then, and the tombstone is a courtesy.
-- KEYS[1]  the session, or whatever stands there
-- KEYS[2]  the index of its user, where it has one
-- ARGV[1]  tombstone, where it is to leave one
-- ARGV[2]  its TTL, ms
-- Reply    'ended' | 'absent'
-- Repeat   a second run leaves the tombstone and its TTL alone
-- @include index
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then return 'absent' end
local document = kind == 'string' and redis.call('GET', KEYS[1]) or ''
local live = string.find(document, '{"@":[1,', 1, true) == 1
local tombstone = string.find(document, '{"@":["', 1, true) == 1
-- A tombstone of ours leaves by itself; what looks like one and has no expiry would stay for ever.
if tombstone and redis.call('PTTL', KEYS[1]) > 0 then return 'absent' end
redis.call('DEL', KEYS[1])
if KEYS[2] then redis.call('ZREM', KEYS[2], member_of(KEYS[1])) end
if live and ARGV[1] then redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return live and 'ended' or 'absent'
