-- Purpose: a page of a user's live sessions, those that end last first.
-- KEYS[1]  the index of the user
-- ARGV[1]  now, ms
-- ARGV[2]  how many to pass over
-- ARGV[3]  how many to return at most
-- Reply    {how many entries were read, then for each live one: member, first line of its document}
-- Repeat   harmless; an entry whose session is no more is removed
-- @include document
-- @include index
-- @include first-line
local now, place = tonumber(ARGV[1]), place_of(KEYS[1])
-- By rank: a range of scores with an offset would walk all that it passes over.
local first = tonumber(ARGV[2])
local members = redis.call('ZREVRANGE', KEYS[1], first, first + tonumber(ARGV[3]) - 1)
local page = { #members }
for _, member in ipairs(members) do
  local text = first_line(place .. member)
  local head = live_head(text, now)
  if head then
    page[#page + 1] = member
    page[#page + 1] = string.sub(text, 1, head.stop - 1)
  else
    redis.call('ZREM', KEYS[1], member)
  end
end
return page
