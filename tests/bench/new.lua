-- A new visitor with each request: the numbers from BENCH_FIRST_VISITOR on, each once.
dofile("tests/bench/load.lua")

local step = tonumber(os.getenv("BENCH_THREADS"))
local visitor = tonumber(os.getenv("BENCH_FIRST_VISITOR"))

function prepare()
  visitor = visitor + thread_id
end

function next_request()
  local now = visitor
  visitor = visitor + step
  return head_of(now)
end
