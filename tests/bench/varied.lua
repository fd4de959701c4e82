-- Varied requests from the file BENCH_REQUESTS, which variety.py writes. With BENCH_VISITORS=new each request has a new visitor;
-- with BENCH_VISITORS=repeated each request of the file has a visitor of its own, the same in each pass.
dofile("tests/bench/load.lua")

local are_new = os.getenv("BENCH_VISITORS") == "new"
local step = tonumber(os.getenv("BENCH_THREADS"))
local visitor = tonumber(os.getenv("BENCH_FIRST_VISITOR"))
local before, behind, last = {}, {}, 0

function prepare()
  visitor = visitor + thread_id
  local file = assert(io.open(os.getenv("BENCH_REQUESTS"), "rb"))
  for request in file:read("*a"):gmatch("%Z+") do
    local from, to = request:find("{ADDRESS}", 1, true)
    local number = #before + 1
    before[number] = request:sub(1, from - 1)
    behind[number] = request:sub(to + 1)
    if not are_new then before[number] = before[number] .. address_of(number) .. behind[number] end
  end
  file:close()
  -- A thread continues where its last load ended, and each at another place.
  last = math.floor(visitor / step + #before * thread_id / step) % #before
end

function next_request()
  last = last % #before + 1
  if not are_new then return before[last] end
  local now = visitor
  visitor = visitor + step
  return before[last] .. address_of(now) .. behind[last]
end
