-- Purpose: end a live session and hand over its document for the one that follows; of several at once one succeeds.
-- KEYS[1]  the session
-- KEYS[2]  the index of its user, where it has one
-- ARGV[1]  tombstone
-- ARGV[2]  its TTL, ms
-- ARGV[3]  now, ms
-- Reply    {'claimed', document} | {'gone'}
-- Repeat   a second run finds its own tombstone and replies 'claimed', with an empty document
-- @include document
-- @include index
local document = redis.call('GET', KEYS[1])
if document == ARGV[1] then return { 'claimed', '' } end
if not live_head(document, tonumber(ARGV[3])) then return { 'gone' } end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if KEYS[2] then redis.call('ZREM', KEYS[2], member_of(KEYS[1])) end
return { 'claimed', document }
