-- The requests of a file in turn: a line each, the path, a tab, the cookie.
local requests, at = {}, 0

function init(args)
  for line in io.lines(args[1]) do
    local path, cookie = line:match('^(%S+)\t(.*)$')
    requests[#requests + 1] = wrk.format('GET', path, cookie ~= '' and { Cookie = cookie } or {})
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary)
  local errors = summary.errors
  io.write(string.format('\n{"failed":%d,"refused":%d}\n',
    errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
