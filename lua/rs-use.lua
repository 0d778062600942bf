-- Purpose: read a live record of redis-sessions, count it, and move its end as its own rules say.
-- KEYS[1]  the record
-- ARGV[1]  now, s
-- ARGV[2]  how much longer than the session the key lives, s
-- ARGV[3]  the counter: r or w
-- ARGV[4]  with w: the data (d) that the caller has read; empty for none. Other data stay as they are
-- ARGV[5]  with w: the data to be; empty for none
-- Reply    {id, r, w, ttl, d, la, ip, no_resave} as they were; nil: not there, or over
-- Repeat   counts once more; data that were changed already differ from ARGV[4] and stay
local record = redis.call('HMGET', KEYS[1], 'id', 'r', 'w', 'ttl', 'd', 'la', 'ip', 'no_resave')
local now, ttl = tonumber(ARGV[1]), tonumber(record[4]) or 0
local idle = now - (tonumber(record[6]) or 0)
if not record[1] or ttl < idle then return false end
if ARGV[3] == 'w' then
  if (record[5] or '') ~= ARGV[4] then return record end
  if ARGV[5] == '' then
    redis.call('HDEL', KEYS[1], 'd')
  else
    redis.call('HSET', KEYS[1], 'd', ARGV[5])
  end
end
redis.call('HINCRBY', KEYS[1], ARGV[3], 1)
local left = ttl - idle
if idle > 1 then
  redis.call('HSET', KEYS[1], 'la', ARGV[1])
  -- A fixed end: what is left moves together with la, never without it.
  if record[8] == '1' then
    redis.call('HSET', KEYS[1], 'ttl', string.format('%.0f', left))
  else
    left = ttl
  end
end
-- Redis refuses an expiry that is too far away; a hundred years.
redis.call('EXPIRE', KEYS[1], string.format('%.0f', math.min(left + 1 + ARGV[2], 3153600000)))
return record
