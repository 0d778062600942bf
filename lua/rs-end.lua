-- Purpose: remove a record of redis-sessions, whole.
-- KEYS[1]  the record
-- ARGV[1]  now, s
-- ARGV[2]  expired: only where the session is over; any: in any case
-- Reply    {'ended', id}, {'expired', id}: removed, and it was live or over; {'live', id, until when, s}:
--          it stays; {'absent'}
-- Repeat   harmless; replies 'absent'
local record = redis.call('HMGET', KEYS[1], 'id', 'ttl', 'la')
if not record[1] then return { 'absent' } end
local untilWhen = (tonumber(record[2]) or 0) + (tonumber(record[3]) or 0)
local isLive = untilWhen >= tonumber(ARGV[1])
if isLive and ARGV[2] == 'expired' then
  return { 'live', record[1], string.format('%.0f', untilWhen) }
end
redis.call('DEL', KEYS[1])
if isLive then return { 'ended', record[1] } end
return { 'expired', record[1] }
