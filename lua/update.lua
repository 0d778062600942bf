-- Purpose: write the changed fields of live sessions, of each all or none, and move their idle limits.
-- KEYS[1]  a session, behind it the index of its user, where it has one, then the next session …; on a Cluster one session
-- ARGV     of each session: how many keys it has, how many arguments follow, a patch, see include/patch.lua
-- Reply    of each session: {'updated', name in conflict, ...} | {'conflict', document} | {'too-large'} | {'gone'}
--          | {'failed', error}
-- Repeat   a second run with the same new revisions changes nothing
-- @include document
-- @include index
-- @include patch
local function update(key, index, first, last)
  local outcome, document, ttl, conflicts = apply_patch(redis.call('GET', key), ARGV, first, last)
  if not outcome then return { 'gone' } end
  if outcome ~= 'updated' then return { outcome, document } end
  redis.call('SET', key, document, 'PX', string.format('%.0f', ttl))
  note_in_index(index, key, tonumber(ARGV[first]), ttl)
  table.insert(conflicts, 1, outcome)
  return conflicts
end

local replies, key, arg = {}, 1, 1
while arg < #ARGV do
  local keys, first = tonumber(ARGV[arg]), arg + 2
  local last = first + tonumber(ARGV[arg + 1]) - 1
  local done, reply = pcall(update, KEYS[key], keys > 1 and KEYS[key + 1] or nil, first, last)
  if not done then
    -- What stands in the place of one is no reason to fail the others: a foreign key, a text that is no
    -- document. What the server refuses, it refuses all of them.
    local text = type(reply) == 'table' and reply.err or reply
    local isOwn = string.find(text, 'WRONGTYPE', 1, true) or (reply == text and not string.find(text, '-%u%u%u'))
    if #replies == 0 and not isOwn then error(reply, 0) end
    reply = { 'failed', text }
  end
  replies[#replies + 1] = reply
  key, arg = key + keys, last + 1
end
return replies
