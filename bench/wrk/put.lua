-- The same request for as long as wrk runs: a body of so many bytes.
local here = debug.getinfo(1, 'S').source:match('^@(.*)/')
dofile(here .. '/result.lua')

function init(args)
  wrk.method = args[1]
  wrk.body = string.rep('x', tonumber(args[2]))
  wrk.headers['Content-Type'] = 'application/octet-stream'
end
