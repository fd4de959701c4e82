"""The lab of one row of scripts/scale: databases, handlers, proxies and loads, which end with the row.

Each load is compared with the counts: acknowledged ≤ counted ≤ sent. A difference is a problem, and the row continues.
"""

import contextlib
import dataclasses
import os
import subprocess
import time

import load
import variety
from processes import Failed, Server, program
from scenarios import HANDLER_SETTINGS

COUNTED_WITHIN_S = 8  # A visit whose client got no response may be counted until its statement has ended.
TODAY_AND_YESTERDAY = "extract(epoch from now())::integer / 86400 - 1"


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much a row does. The short form only shows that everything works and nothing is lost."""

    seconds: int  # of a load
    answered_within_s: int  # after the load has ended
    rounds: int  # of loads that are compared, in turn
    connections: int
    many_sites: int
    full_sites: tuple  # numbers of sites with full lists
    page_sites: int  # of the page with very many sites
    instances: tuple
    starts: int  # of an instance
    values: int  # of each list in the history
    months: tuple  # of history
    pages: int  # requests of each page
    log_lines: int
    visitors: int  # of a day of the site of a usual size
    readings: int  # of its statistics


LONG = Sizes(
    seconds=5,
    answered_within_s=2,
    rounds=2,
    connections=256,
    many_sites=1000,
    full_sites=(5, 20, 1000),
    page_sites=10_000,
    instances=(1, 2, 4, 8),
    starts=5,
    values=500,
    months=(12, 36),
    pages=5,
    log_lines=60_000,
    visitors=10_000,
    readings=9,
)
SHORT = Sizes(
    seconds=1,
    answered_within_s=1,
    rounds=1,
    connections=64,
    many_sites=20,
    full_sites=(2, 4),
    page_sites=1000,
    instances=(1, 2),
    starts=1,
    values=50,
    months=(2,),
    pages=1,
    log_lines=2000,
    visitors=200,
    readings=1,
)


@dataclasses.dataclass(frozen=True)
class Figure:
    """A measured number, and the bound that it should keep: "≤ 2" or "≥ 0.9"."""

    title: str
    value: float
    form: str = "{:.2f}"
    aim: str = ""

    def holds(self):
        """Whether the aim is reached; None without an aim."""
        if not self.aim:
            return None
        relation, bound = self.aim.split()
        bound = float(bound.replace(",", "").rstrip("%")) / (100 if "%" in bound else 1)
        return self.value >= bound if relation == "≥" else self.value <= bound


@dataclasses.dataclass
class Totals:
    """The visits of all loads of a database, and the count before them."""

    before: int
    sent: int = 0
    acknowledged: int = 0


class Lab:
    def __init__(self, postgres, folder, name, sizes, visitors):
        self.postgres, self.folder, self.name, self.sizes, self.visitors = postgres, folder, name, sizes, visitors
        self.variety = variety.Variety()
        self.problems = []
        self.totals = {}
        self.databases = 0
        self.files = 0
        self.running = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.running.close()

    # Parts -------------------------------------------------------------------------------------------------------------------

    def database(self):
        """A new database with the schema."""
        self.databases += 1
        name = f"scale_{self.name.replace('-', '_')}_{self.databases}"
        database = self.postgres.create(name)
        self.running.callback(self.postgres.ask, f"drop database {name} with (force)")
        environment = {**os.environ, "DATABASE_URL": database.url}
        migrated = subprocess.run([program("handler"), "migrate"], env=environment, capture_output=True, text=True)
        if migrated.returncode != 0:
            raise Failed(f"handler migrate: {migrated.stderr}")
        return database

    def start(self, name, settings, arguments=()):
        log = self.folder / f"{self.name}-{name}.log"
        server = Server(program(name), settings, log, [str(argument) for argument in arguments])
        self.running.callback(server.stop)
        return server

    def handler(self, url, sites=(), path="/health/ready"):
        """A handler that counts sites. Waits until this path responds; with None, only until the port is open."""
        server = self.start("handler", {**HANDLER_SETTINGS, "DATABASE_URL": url, "FOOTFALL_SITES": ",".join(sites)})
        server.wait(path)
        return server

    def recorder(self, url, *arguments):
        server = self.start("recorder", {"DATABASE_URL": url}, arguments)
        server.wait(None)
        return server

    def delay(self, database, round_trip_ms):
        """A proxy to the database, which logs round trips."""
        server = self.start("delay", {}, [database.port(), round_trip_ms])
        server.wait(None)
        return server

    def file(self, suffix):
        self.files += 1
        return self.folder / f"{self.name}-{self.files}-{suffix}"

    def requests(self, requests):
        """A file of requests for varied.lua."""
        file = self.file("requests")
        file.write_text("\0".join(requests), newline="")
        return file

    # Loads -------------------------------------------------------------------------------------------------------------------

    def counted(self, database, site="", since=TODAY_AND_YESTERDAY):
        """The pageviews of one site, or of all, since a day."""
        of_site = f"and site = (select id from site where name = '{site}')" if site else ""
        query = f"select coalesce(sum(pageviews), 0) from tally where dimension = 0 and day >= {since} {of_site}"
        return int(database.ask(query))

    @contextlib.contextmanager
    def compared(self, title, database, may_refuse=False, site=""):
        """Compares the loads of one site, or of all, with the counts. The body appends (sent, acknowledged, refused) to the list.

        All loads of a database are compared together, because visits without a response may be counted during the next load.
        """
        totals = self.totals.setdefault((database.url, site), Totals(self.counted(database, site)))
        loads = []
        yield loads
        sent, acknowledged, refused = (sum(numbers) for numbers in zip(*loads))
        totals.sent += sent
        totals.acknowledged += acknowledged
        give_up = time.monotonic() + COUNTED_WITHIN_S
        while not totals.acknowledged <= (counted := self.counted(database, site) - totals.before) <= totals.sent:
            if time.monotonic() > give_up:
                self.problems.append(f"{title}: {totals.acknowledged} visits acknowledged, {counted} counted, {totals.sent} sent")
                break
            time.sleep(0.2)
        if refused and not may_refuse:
            self.problems.append(f"{title}: {refused} of {sent} requests were refused")

    def flood(self, title, database, servers, script="varied.lua", seconds=None, connections=None, may_refuse=False, **variables):
        """Sends as fast as servers respond. See `load.wrk` for the result."""
        seconds, connections = seconds or self.sizes.seconds, connections or self.sizes.connections
        with self.compared(title, database, may_refuse) as loads:
            result = load.wrk(
                script,
                servers,
                self.postgres,
                self.visitors,
                connections,
                seconds,
                answered_within_s=self.sizes.answered_within_s,
                **variables,
            )
            acknowledged = result["answered"] - result["refused"]
            loads.append((result["sent"], acknowledged, result["refused"]))
        result["postgres_s_per_1000"] = result["processor_s"]["postgres"] / max(1, acknowledged) * 1000
        return result

    def arrivals(self, title, database, server, per_second, requests, may_refuse=False, meanwhile=None, site=""):
        """Sends requests of new visitors at planned times, and calls a function meanwhile. Returns the responses."""
        with self.compared(title, database, may_refuse, site) as loads:
            arrivals = load.Arrivals(server, variety.of_new_visitors(requests, self.visitors), per_second, self.folder)
            if meanwhile:
                meanwhile()
            responses = arrivals.end()
            refused = sum(response.was_refused for response in responses)
            loads.append((len(responses), len(responses) - refused, refused))
        return responses

    def request(self, server, template):
        """Sends one request as a new visitor. Returns the status and the seconds until the end of the response."""
        [request] = variety.of_new_visitors([template], self.visitors)
        head, body = request.decode().split("\r\n\r\n")
        first, *fields = head.split("\r\n")
        method, path, _ = first.split(" ")
        headers = dict(field.split(": ", 1) for field in fields if not field.startswith("Content-Length"))
        began = time.monotonic()
        status, _ = server.request(method, path, headers, body.encode())
        return status, time.monotonic() - began

    def open_all(self, database, server, requests, periods):
        """Sends visits until the salts of this many periods exist. Requests may be refused meanwhile."""
        give_up = time.monotonic() + 180
        while True:
            self.flood("warm-up", database, [server], seconds=1, may_refuse=True, REQUESTS=requests)
            if int(database.ask("select count(*) from salt")) >= periods:
                return
            if time.monotonic() > give_up:
                raise Failed(f"{self.name}: not all sites were opened within three minutes")
