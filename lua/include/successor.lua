-- The member for a user's session that may have got a new id since its handle was read: for as long as
-- the tombstones last, they say where it went. What went into another slot is no session of this user.
local function successor_of(place, member)
  for _ = 1, 10 do
    local text = redis.call('GETRANGE', place .. member, 0, 63)
    local tag, successor = string.match(text, '^{"@":%["moved","(...)([%w_-]+)",')
    if not tag or string.sub(place, -6) ~= '{' .. tag .. '}:' then break end
    member = successor
  end
  return member
end
