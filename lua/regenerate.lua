-- Purpose: end a live session and make its successor, in one step; of several at once one succeeds.
-- KEYS[1]  the session
-- KEYS[2]  its successor, in the same slot
-- KEYS[3]  the index of its user, where it has one
-- ARGV[1]  tombstone for KEYS[1]
-- ARGV[2]  its TTL, ms
-- ARGV[3]  the successor's document, and the patch does not count | '' for the predecessor's with it applied
-- ARGV[4]  the successor's TTL, ms, where ARGV[3] is given
-- ARGV[5…] a patch, see include/patch.lua
-- Reply    {'updated', name in conflict, ...} | {'conflict', document} | {'too-large'} | {'gone'} | {'taken'}
-- Repeat   a second run finds its own tombstone, which names the successor, and replies 'updated'
-- @include document
-- @include index
-- @include patch
local stored = redis.call('GET', KEYS[1])
if stored == ARGV[1] then return { 'updated' } end
if redis.call('EXISTS', KEYS[2]) == 1 then return { 'taken' } end
if not live_head(stored, tonumber(ARGV[5])) then return { 'gone' } end
local document, ttl, conflicts = ARGV[3], tonumber(ARGV[4]), {}
if document == '' then
  local outcome
  outcome, document, ttl, conflicts = apply_patch(stored, ARGV, 5, #ARGV)
  if outcome ~= 'updated' then return { outcome, document } end
end
redis.call('SET', KEYS[2], document, 'PX', string.format('%.0f', ttl))
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
-- A fresh document is that of an anonymous session.
if ARGV[3] == '' then note_in_index(KEYS[3], KEYS[2], tonumber(ARGV[5]), ttl) end
if KEYS[3] then redis.call('ZREM', KEYS[3], member_of(KEYS[1])) end
table.insert(conflicts, 1, 'updated')
return conflicts
