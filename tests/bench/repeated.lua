-- The same thousand visitors, repeatedly. Requests are built before the run, so that wrk needs little time.
dofile("tests/bench/load.lua")

local VISITORS = 1000 -- REPEATED_VISITORS in scenarios.py
local requests, last = {}, 0

function prepare()
  for i = 1, VISITORS do
    requests[i] = head_of(203, 0, math.floor(i / 250), i % 250)
  end
end

function next_request()
  last = last % VISITORS + 1
  return requests[last]
end
