-- Puts at a given mean rate: each connection waits for a random time before each request, as if its callers came
-- and went.
local here = debug.getinfo(1, 'S').source:match('^@(.*)/')
dofile(here .. '/result.lua')

local mean

function init(args)
  wrk.method = 'POST'
  wrk.body = string.rep('x', tonumber(args[1]))
  wrk.headers['Content-Type'] = 'application/octet-stream'
  mean = tonumber(args[2])
  math.randomseed(tonumber(args[3]))
end

-- Milliseconds; wrk cuts off what is below one, which on average is half of one.
function delay()
  return -mean * math.log(1 - math.random()) + 0.5
end
