-- The first line of a document, with what of the rest came along. A document may take 64 kB and more,
-- its first line rarely 200 bytes, and at most 3.7 kB (a user id of 512 bytes that are all escaped).
local function first_line(key)
  local text = redis.call('GETRANGE', key, 0, 511)
  if #text < 512 or string.find(text, '\n', 1, true) then return text end
  return redis.call('GET', key)
end
