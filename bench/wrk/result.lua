-- What came out, as one line of JSON behind wrk's own words.

local thread

function setup(it)
  thread = it
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  -- A script that counts to a number takes the time itself.
  local answered = thread:get('answered') or summary.requests
  local seconds = thread:get('seconds') or summary.duration / 1e6
  io.write(string.format(
    '\n{"answered":%d,"seconds":%.6f,"failed":%d,"p50":%d,"p99":%d,"p999":%d}\n',
    answered, seconds, failed, latency:percentile(50), latency:percentile(99), latency:percentile(99.9)
  ))
end
