-- Shared by all operations: the text of a session document, see docs/data-in-redis.md.
-- A head is the meta line taken apart; head.stop is where its line break stands. What goes back into a
-- document unchanged is kept as text (born, limits): to format a number takes Lua as long as to call GET.

-- The head of a live document; nil for tombstones, expired sessions and whatever else.
local function live_head(document, now)
  if not document then return nil end
  local revision, born, seen, limits, idle, absolute, stop =
    string.match(document, '^{"@":%[1,"([%w_-]+)",(%d+),(%d+),((%d+),(%d+)[^\n]*)%]()\n')
  if not revision then return nil end
  local created = tonumber(born)
  local head = {
    revision = revision, born = born, created = created, seen = created + tonumber(seen),
    limits = limits, idle = tonumber(idle), absolute = created + tonumber(absolute), stop = stop,
  }
  if now >= math.min(head.seen + head.idle, head.absolute) then return nil end
  return head
end

-- Start and stop of a field's line (from its leading to its ending line break) and its value.
local function find_field(document, head, name)
  local mark = '\n,' .. name .. ':'
  local start, value = string.find(document, mark, head.stop, true)
  if not start then return nil end
  local stop = string.find(document, '\n', value + 1, true)
  return start, stop, string.sub(document, value + 1, stop - 1)
end

-- The document with the line of a field, which find_field found (or did not), set to the text `to`, or
-- without it where `to` is ''.
local function with_field(document, start, stop, name, to)
  local line = to == '' and '' or ('\n,' .. name .. ':' .. to)
  if start then return string.sub(document, 1, start - 1) .. line .. string.sub(document, stop) end
  if line == '' then return document end
  return string.sub(document, 1, -3) .. line .. '\n}'
end

-- The document with its meta line written anew, the idle limit moved, and the TTL that follows.
local function finish(document, head, now, revision)
  local seen = math.max(head.seen, now)
  local meta = string.format('{"@":[1,"%s",%s,%.0f,%s]', revision, head.born, seen - head.created, head.limits)
  local ttl = math.max(1, math.min(seen + head.idle, head.absolute) - now)
  return meta .. string.sub(document, head.stop), ttl
end
