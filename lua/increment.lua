-- Purpose: add to one field that holds an integer (absent counts as 0), and move the idle limit.
-- KEYS[1]  the session
-- KEYS[2]  the index of its user, where it has one
-- ARGV     now ms, new revision, name (JSON text), by (integer), most bytes
-- Reply    {'incremented', value as text} | {'not-integer'} | {'too-large'} | {'gone'}
-- Repeat   a second run with the same revision replies with the value and adds nothing, unless another
--          write came between: only the last revision is known
-- @include document
-- @include index
local now, revision, name, by = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
local document = redis.call('GET', KEYS[1])
local head = live_head(document, now)
if not head then return { 'gone' } end
local start, stop, stored = find_field(document, head, name)
stored = stored or '0'
if head.revision == revision then return { 'incremented', stored } end
if not string.find(stored, '^-?%d+$') then return { 'not-integer' } end
local value = tonumber(stored) + by
if math.abs(value) > 9007199254740991 then return { 'not-integer' } end
local to = string.format('%.0f', value)
local text, ttl = finish(with_field(document, start, stop, name, to), head, now, revision)
if #text > tonumber(ARGV[5]) then return { 'too-large' } end
redis.call('SET', KEYS[1], text, 'PX', string.format('%.0f', ttl))
note_in_index(KEYS[2], KEYS[1], now, ttl)
return { 'incremented', to }
