-- A new visitor with each request: the numbers from BENCH_FIRST_VISITOR on, each once, as IPv4 addresses.
dofile("tests/bench/load.lua")

local FIRST_OCTET = 11 -- Up to 99 no address is special, enough for MOST_NEW_VISITORS in scenarios.py.
local step = tonumber(os.getenv("BENCH_THREADS"))
local visitor = tonumber(os.getenv("BENCH_FIRST_VISITOR"))

function prepare()
  visitor = visitor + thread_id
end

function next_request()
  local address = visitor
  visitor = visitor + step
  return head_of(FIRST_OCTET + math.floor(address / 16777216), math.floor(address / 65536) % 256,
    math.floor(address / 256) % 256, address % 256)
end
