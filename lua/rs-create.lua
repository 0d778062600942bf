-- Purpose: store a new record of redis-sessions; never without an expiry.
-- KEYS[1]  the record
-- ARGV[1]  how long the key lives, s
-- ARGV[2]… names and values of the fields, in turn
-- Reply    'created'
-- Repeat   harmless
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 'created'
