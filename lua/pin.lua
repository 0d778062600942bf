-- Purpose: settle, once, which session goes on from one of another package; look which one it was.
-- KEYS[1]  the pin: named by the other package's session
-- ARGV[1]  the handle to settle on | '' to look only
-- ARGV[2]  how long the pin stays at least, ms
-- Reply    the handle that it was settled on, now or before | ''
-- Repeat   harmless
local settled = redis.call('GET', KEYS[1])
if settled then
  -- The other package may have prolonged its session since.
  if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  return settled
end
if ARGV[1] ~= '' then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return ARGV[1]
