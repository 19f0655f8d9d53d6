-- Sends exactly `total` requests and ends wrk. Nothing looks at the answers, which would cost wrk more than the
-- requests do: a connection sends when its last request is answered, so when the last of all is about to be sent,
-- `total` less one for each connection have been.

local ffi = require('ffi')
ffi.cdef [[
  struct bench_time { long seconds; long nanoseconds; };
  int clock_gettime(int clock, struct bench_time *time);
  int getpid(void);
  int kill(int pid, int signal);
]]
local MONOTONIC = 1
local SIGINT = 2

local function now()
  local time = ffi.new('struct bench_time')
  ffi.C.clock_gettime(MONOTONIC, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

-- `make(n)` gives the n-th request; wrk asks for one that it does not send, to see whether it is well-formed.
function counting(total, connections, make)
  local sent = -1
  local began
  return function()
    sent = sent + 1
    if sent == 1 then began = now() end
    if sent == total then
      answered = total - connections
      seconds = now() - began
      wrk.thread:stop()
      -- Its main thread sleeps for as long as it was told to run.
      ffi.C.kill(ffi.C.getpid(), SIGINT)
    end
    -- What was readable together with the last answer is still served, to no effect.
    return make(math.min(math.max(1, sent), total))
  end
end
