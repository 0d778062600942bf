-- The index of a user's sessions: a sorted set, member = hash part of the handle, score = when the
-- session ends (ms). It lives as long as its longest member. Scripts get its key only for sessions
-- that belong to a user.

-- The member for a session key: what stands behind the last colon.
local function member_of(key)
  return string.match(key, '^.*:(.*)$')
end

-- What the names of the user's sessions begin with. Taken from the index' own key, because a client
-- may put something in front of keys (`keyPrefix` of ioredis) and knows of no others.
local function place_of(index)
  return string.match(index, '^(.*:)u:[^:]*$')
end

-- Notes the live session of a key; heals an index that lost the entry.
local function note_in_index(index, key, now, ttl)
  if not index then return end
  redis.call('ZADD', index, string.format('%.0f', now + ttl), member_of(key))
  if redis.call('PTTL', index) < ttl then
    redis.call('PEXPIRE', index, string.format('%.0f', ttl))
  end
end
