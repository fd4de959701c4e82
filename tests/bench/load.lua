-- The common part of all loads of scripts/bench. A load defines `next_request()` and may define `prepare()`.
--
-- A load stops sending when its time is over, while wrk runs for a moment longer. So every request gets its response before wrk
-- ends, and the counts can be compared with the sent requests.

local ffi = require("ffi")
ffi.cdef("typedef struct { long s; long ns; } bench_time; int clock_gettime(int clock, bench_time *now);")
local MONOTONIC = 1
local now = ffi.new("bench_time")
local function seconds()
  ffi.C.clock_gettime(MONOTONIC, now)
  return tonumber(now.s) + tonumber(now.ns) * 1e-9
end

-- Requests look like those of a browser, with one visitor's address as the trusted proxy appends it.
local body = os.getenv("BENCH_BODY")
local method, end_of_head = "GET", "\r\n\r\n"
if body ~= "" then
  method, end_of_head = "POST", "\r\nContent-Type: text/plain\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end
HEAD = method .. " " .. os.getenv("BENCH_PATH") .. " HTTP/1.1\r\n"
  .. "Host: 127.0.0.1\r\n"
  .. "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0\r\n"
  .. "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
  .. "Accept-Language: en-US,en;q=0.5\r\n"
  .. "Accept-Encoding: gzip, br\r\n"
  .. "X-Forwarded-For: "

-- Addresses have numbers. Up to the first octet 99 no address is special, enough for MOST_NEW_VISITORS in scenarios.py.
local FIRST_OCTET = 11
local floor = math.floor
function address_of(visitor)
  return (FIRST_OCTET + floor(visitor / 16777216)) .. "." .. (floor(visitor / 65536) % 256) .. "."
    .. (floor(visitor / 256) % 256) .. "." .. (visitor % 256) .. ":4711"
end

function head_of(visitor)
  return HEAD .. address_of(visitor) .. end_of_head
end

local duration_s = tonumber(os.getenv("BENCH_SECONDS"))
local threads = {}
calls, idle_connections = 0, 0
local ends_at

-- Each thread loads one server; with several ports, the threads take turns.
local ports = {}
for port in os.getenv("BENCH_PORTS"):gmatch("%d+") do table.insert(ports, port) end

function setup(thread)
  thread:set("thread_id", #threads)
  thread.addr = wrk.lookup("127.0.0.1", ports[#threads % #ports + 1])[1]
  table.insert(threads, thread)
end

function init()
  if prepare then prepare() end
end

function request()
  calls = calls + 1
  if ends_at then
    if seconds() >= ends_at then
      idle_connections = idle_connections + 1
      return "\r\n" -- Servers ignore an empty line before a request (RFC 9112 §2.2), so the connection stays idle.
    end
  elseif calls == 2 then -- Before wrk begins, it calls once to look at a request, and does not send it.
    ends_at = seconds() + duration_s
  end
  return next_request()
end

-- One line for bench.py: NAME=NUMBER…
function done(summary, latency)
  local idle, most_calls = 0, 0
  for _, thread in ipairs(threads) do
    idle = idle + thread:get("idle_connections")
    most_calls = math.max(most_calls, thread:get("calls"))
  end
  local errors = summary.errors
  io.write(string.format("RESULT answered=%d refused=%d bytes=%d p50_us=%d p99_us=%d idle_connections=%d most_calls=%d errors=%d\n",
    summary.requests, errors.status, summary.bytes, latency:percentile(50), latency:percentile(99), idle, most_calls,
    errors.connect + errors.read + errors.write + errors.timeout))
end
