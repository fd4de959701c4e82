-- The same thousand visitors, repeatedly. Requests are built before the run, so that wrk needs little time.
dofile("tests/bench/load.lua")

local VISITORS = 1000 -- REPEATED_VISITORS in scenarios.py
local FIRST_VISITOR = 192 * 2 ^ 24 -- Far behind the addresses of new visitors.
local requests, last = {}, 0

function prepare()
  for i = 1, VISITORS do
    requests[i] = head_of(FIRST_VISITOR + i)
  end
end

function next_request()
  last = last % VISITORS + 1
  return requests[last]
end
