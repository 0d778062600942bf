-- Applies a patch to a live document.
-- args, from first to last: now, new revision, 'overwrite' | 'refuse', most bytes,
--       idle ms | '', absolute deadline ms, extra (rest of the meta line),
--       then for each change: name (JSON text), from, to ('' = absent).
-- returns nil where the session is gone, else outcome, document, ttl, names in conflict:
--   'updated' | 'conflict' | 'too-large'
local function apply_patch(document, args, first, last)
  local now = tonumber(args[first])
  local head = live_head(document, now)
  if not head then return nil end
  local revision, mode = args[first + 1], args[first + 2]
  if head.revision == revision then
    local text, ttl = finish(document, head, now, revision)
    return 'updated', text, ttl, {}
  end
  local text, conflicts = document, {}
  for i = first + 7, last, 3 do
    local name, from, to = args[i], args[i + 1], args[i + 2]
    local start, stop, stored = find_field(text, head, name)
    if (stored or '') ~= from then conflicts[#conflicts + 1] = name end
    text = with_field(text, start, stop, name, to)
  end
  if #conflicts > 0 and mode == 'refuse' then return 'conflict', document end
  if args[first + 4] ~= '' then
    head.idle, head.absolute = tonumber(args[first + 4]), tonumber(args[first + 5])
    head.limits = string.format('%s,%.0f%s', args[first + 4], head.absolute - head.created, args[first + 6])
  end
  local ttl
  text, ttl = finish(text, head, now, revision)
  if #text > tonumber(args[first + 3]) then return 'too-large' end
  return 'updated', text, ttl, conflicts
end
