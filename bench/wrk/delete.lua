-- Deletes each reservation of a file once.
local here = debug.getinfo(1, 'S').source:match('^@(.*)/')
dofile(here .. '/result.lua')
dofile(here .. '/counting.lua')

function init(args)
  local head, tail = wrk.format('DELETE', '/v1/reservations/@'):match('^(.-)@(.*)$')
  local tokens = {}
  for token in io.lines(args[1]) do tokens[#tokens + 1] = token end
  request = counting(#tokens, tonumber(args[2]), function(n) return head .. tokens[n] .. tail end)
end
