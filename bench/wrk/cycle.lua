-- Puts and reserves in turn, and deletes every reservation that an answer brought. Which connection deletes is
-- left to chance, since wrk does not tell.
local here = debug.getinfo(1, 'S').source:match('^@(.*)/')
dofile(here .. '/result.lua')

local tokens = {}
local put, reserve, head, tail
local putNext = true

function init(args)
  local headers = { ['Content-Type'] = 'application/octet-stream', Host = wrk.headers['Host'] }
  put = wrk.format('POST', '/v1/tubes/t/jobs', headers, string.rep('x', tonumber(args[1])))
  reserve = wrk.format('POST', '/v1/tubes/t/reservations')
  head, tail = wrk.format('DELETE', '/v1/reservations/@'):match('^(.-)@(.*)$')
end

function request()
  local token = table.remove(tokens)
  if token then return head .. token .. tail end
  putNext = not putNext
  return putNext and put or reserve
end

function response(_, _, body)
  local token = body:match('"reservation":"([^"]+)"')
  if token then tokens[#tokens + 1] = token end
end
