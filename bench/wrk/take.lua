-- The same request without a body, so many times.
local here = debug.getinfo(1, 'S').source:match('^@(.*)/')
dofile(here .. '/result.lua')
dofile(here .. '/counting.lua')

function init(args)
  local text = wrk.format(args[1])
  request = counting(tonumber(args[2]), tonumber(args[3]), function() return text end)
end
