-- Purpose: write and remove fields of a session that is a hash, and start its lifetime anew, unless it was ended.
-- KEYS[1]  the session
-- ARGV[1]  its lifetime from now on, ms
-- ARGV[2]  'create' to write it where it is not there | 'update'
-- ARGV[3]  'HSET' | 'HSETNX' to leave alone what is there
-- ARGV[4]  how many fields to tell of
-- ARGV[5]  how many fields to write
-- ARGV[6]  and on: names to tell of, then name and value of each to write, then names to remove
-- Reply    {'written', how many were removed, value before or nil of each to tell of} | {'gone'}
-- Repeat   writes the same again, and tells of what the first run wrote
if ARGV[2] == 'update' and redis.call('EXISTS', KEYS[1]) == 0 then return { 'gone' } end
local reply, removed = { 'written', 0 }, 0
local told = 5 + tonumber(ARGV[4])
local written = told + 2 * tonumber(ARGV[5])
for i = 6, told do reply[#reply + 1] = redis.call('HGET', KEYS[1], ARGV[i]) end
for i = told + 1, written, 2 do redis.call(ARGV[3], KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = written + 1, #ARGV do removed = removed + redis.call('HDEL', KEYS[1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
reply[2] = removed
return reply
