"""The scenarios of scripts/bench, one line each."""

import dataclasses

# The handler's environment, in addition to its port and DATABASE_URL: as under the Functions host.
HANDLER_SETTINGS = {
    "FUNCTIONS_CUSTOMHANDLER_WORKER_ID": "bench",
    "FOOTFALL_RATE_LIMIT": "off",
}

REPEATED_VISITORS = 1000  # as in repeated.lua
MOST_NEW_VISITORS = 89 * 2**24  # the addresses of new.lua


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A load on a server. Without a load: a program that measures itself and prints `visitors_per_second`."""

    name: str  # for --only
    title: str
    server: str  # the binary: `handler`, or an example, whose argument is its port
    load: str | None = None  # a script for wrk in this folder
    path: str = "/"
    body: str = ""  # If present, sent as a POST.
    counts_pageviews: bool = False  # Each hit must be counted as a pageview …
    counts_visitors: bool = False  # … and as a new visitor.


# A message of the script with a value of every dimension.
VIEW = (
    '{"s":"localhost","p":"/article","r":"https://www.google.com","l":"en-US","z":"Europe/Berlin","w":"l",'
    '"c":{"source":"letter","medium":"email","campaign":"spring"}}'
)

NOTHING = Scenario("nothing", "route that does nothing", "nothing", "repeated.lua")

SCENARIOS = [
    NOTHING,
    Scenario("repeated", "`/`, repeated visitors", "handler", "repeated.lua", counts_pageviews=True),
    Scenario("new", "`/`, new visitors", "handler", "new.lua", counts_pageviews=True, counts_visitors=True),
    Scenario("visit-repeated", "`POST /v`, repeated visitors", "handler", "repeated.lua", "/v", VIEW, counts_pageviews=True),
    Scenario("visit-new", "`POST /v`, new visitors", "handler", "new.lua", "/v", VIEW, counts_pageviews=True, counts_visitors=True),
    Scenario("statistics", "`/api/statistics`", "handler", "repeated.lua", "/api/statistics"),
    Scenario("recorder-repeated", "recorder, repeated visitors", "recorder", "repeated.lua", counts_pageviews=True),
    Scenario("recorder-new", "recorder, new visitors", "recorder", "new.lua", counts_pageviews=True, counts_visitors=True),
    Scenario("statement", "the commit statement alone, new visitors", "statement"),
]
