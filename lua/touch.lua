-- Purpose: move the idle limit of a live session; data and revision stay.
-- KEYS[1]  the session
-- KEYS[2]  the index of its user, where it has one
-- ARGV[1]  now, ms
-- Reply    'touched' | 'gone'
-- Repeat   harmless
-- @include document
-- @include index
local now = tonumber(ARGV[1])
local document = redis.call('GET', KEYS[1])
local head = live_head(document, now)
if not head then return 'gone' end
local text, ttl = finish(document, head, now, head.revision)
redis.call('SET', KEYS[1], text, 'PX', string.format('%.0f', ttl))
note_in_index(KEYS[2], KEYS[1], now, ttl)
return 'touched'
