-- Purpose: write the changed fields of a live session, all or none, and move its idle limit.
-- KEYS[1]  the session
-- KEYS[2]  the index of its user, where it has one
-- ARGV     a patch, see include/patch.lua
-- Reply    {'updated', name in conflict, ...} | {'conflict', document} | {'too-large'} | {'gone'}
-- Repeat   a second run with the same new revision changes nothing
-- @include document
-- @include index
-- @include patch
local outcome, document, ttl, conflicts = apply_patch(redis.call('GET', KEYS[1]), ARGV, 1)
if not outcome then return { 'gone' } end
if outcome ~= 'updated' then return { outcome, document } end
redis.call('SET', KEYS[1], document, 'PX', string.format('%.0f', ttl))
note_in_index(KEYS[2], member_of(KEYS[1]), tonumber(ARGV[1]), ttl)
table.insert(conflicts, 1, outcome)
return conflicts
