"""Runs a scenario, measures its rate and cost, and compares the counts with the sent requests."""

import json
import os
import pathlib
import re
import resource
import subprocess
import time

from processes import Failed, Postgres, Server, machine_processor_s
from scenarios import HANDLER_SETTINGS, MOST_NEW_VISITORS, REPEATED_VISITORS

FOLDER = pathlib.Path(__file__).parent
PROGRAMS = pathlib.Path(os.environ.get("BENCH_PROGRAMS", "target/release"))
THREADS = 2
ANSWERED_WITHIN_S = 2  # The longest wait for responses after the time is over; wrk reports a longer wait as an error, too.
COUNTED_WITHIN_S = 5  # Equal queries share a response with statistics for a moment.


def program(name):
    path = PROGRAMS / name if name == "handler" else PROGRAMS / "examples" / name
    if not path.exists():
        raise Failed(f"{path} does not exist: check the name of the example")
    return path


class Bench:
    def __init__(self, chosen, folder):
        self.postgres = Postgres()
        self.folder = folder
        self.next_new_visitor = 0
        self.repeated_visitors_counted = 0
        self.servers = {}
        wanted = {scenario.server for scenario in chosen if scenario.load} | {"handler"}  # The handler reports the counts.
        try:
            for name in sorted(wanted):
                self.servers[name] = self.start(name)
                self.servers[name].wait("/health/ready" if name == "handler" else None)
            self.pageviews, self.visitors = self.counted()
        except BaseException:
            self.stop()
            raise

    def start(self, name):
        return Server(program(name), HANDLER_SETTINGS, self.folder / f"{name}.log")

    def stop(self):
        for server in self.servers.values():
            server.stop()

    def counted(self):
        status, body = self.servers["handler"].get("/api/statistics")
        if status != 200:
            raise Failed(f"/api/statistics returned {status}: {body[:200]!r}")
        answer = json.loads(body)
        return answer["pageviews"]["this_month"], answer["visitors"]["this_month"]

    def run(self, scenario, connections, seconds):
        """Runs one scenario once, and returns its rate and cost. Fails if a request was not answered or not counted."""
        if not scenario.load:
            return self.run_program(scenario, connections, seconds)
        server = self.servers[scenario.server]
        wrk = ["wrk", "--threads", str(THREADS), "--connections", str(connections), "--latency"]
        wrk += ["--duration", f"{seconds + ANSWERED_WITHIN_S}s", "--script", str(FOLDER / scenario.load)]
        variables = {"PATH": scenario.path, "BODY": scenario.body, "SECONDS": seconds, "THREADS": THREADS, "FIRST_VISITOR": self.next_new_visitor}
        environment = {**os.environ, **{f"BENCH_{name}": str(value) for name, value in variables.items()}}

        bytes_before = self.postgres.database_bytes()
        before = self.processor_s(server)
        began = time.monotonic()
        command = wrk + [f"http://127.0.0.1:{server.port}/"]
        ran = subprocess.run(command, env=environment, cwd=FOLDER.parent.parent, capture_output=True, text=True)
        elapsed_s = time.monotonic() - began
        spent = {name: after - before[name] for name, after in self.processor_s(server).items()}

        server.check()
        line = next((line for line in ran.stdout.splitlines() if line.startswith("RESULT ")), None)
        if line is None:
            raise Failed(f"wrk failed: {ran.stdout}{ran.stderr}")
        result = {name: int(value) for name, value in (field.split("=") for field in line.split()[1:])}
        self.check(scenario, connections, result)
        answered = result["answered"]
        others_s = spent["machine"] - spent["server"] - spent["postgres"] - spent["load"]
        return {
            # Each connection got exactly one response after the time was over.
            "hits_per_second": (answered - connections) / seconds,
            "p99_ms": result["p99_us"] / 1000,
            "errors": result["errors"],
            "answer_bytes": result["bytes"] / answered,
            "server_processor_s_per_1000_hits": spent["server"] / answered * 1000,
            "postgres_processor_s_per_1000_hits": spent["postgres"] / answered * 1000,
            "load_processor_s_per_1000_hits": spent["load"] / answered * 1000,
            "others_processor_share": max(0, others_s) / elapsed_s / os.cpu_count(),
            "database_bytes_per_hit": (self.postgres.database_bytes() - bytes_before) / answered,
            "hits": answered,
        }

    def processor_s(self, server):
        us, ours = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        return {
            "server": server.processor_s(),
            "postgres": self.postgres.processor_s(),
            "load": sum(usage.ru_utime + usage.ru_stime for usage in (us, ours)),  # The children are wrk.
            "machine": machine_processor_s(),
        }

    def run_program(self, scenario, connections, seconds):
        """Runs a program that measures itself, for a time and with a number of visitors, without requests to the handler."""
        command = [program(scenario.server), str(seconds), str(connections)]
        ran = subprocess.run(command, capture_output=True, text=True)
        said = re.search(r"visitors_per_second\D*([\d.]+)", ran.stdout)
        if ran.returncode != 0 or not said:
            raise Failed(f"{scenario.server} failed: {ran.stdout}{ran.stderr}")
        self.pageviews, self.visitors = self.counted()
        return {"hits_per_second": float(said[1]), "errors": 0}

    def check(self, scenario, connections, result):
        title = f"{scenario.name}, {connections} connections"
        answered = result["answered"]
        if result["errors"]:
            raise Failed(f"{title}: {result['errors']} errors (connections, time-outs, or a status of 400 and above)")
        if result["idle_connections"] != connections:
            waiting = connections - result["idle_connections"]
            raise Failed(f"{title}: {waiting} hits were not answered within {ANSWERED_WITHIN_S} s after the time was over")
        pageviews = answered if scenario.counts_pageviews else 0
        fewest = most = 0
        if scenario.counts_visitors:
            fewest = most = answered
            self.next_new_visitor += THREADS * result["most_calls"]
            if self.next_new_visitor > MOST_NEW_VISITORS:
                raise Failed(f"{title}: no new visitors are left; run the scenario for a shorter time")
        elif scenario.counts_pageviews:
            most = REPEATED_VISITORS - self.repeated_visitors_counted
            all_were_here = result["most_calls"] - connections > REPEATED_VISITORS
            fewest = most if all_were_here else 0
        give_up = time.monotonic() + COUNTED_WITHIN_S
        while True:
            now = self.counted()
            found, new = now[0] - self.pageviews, now[1] - self.visitors
            if found == pageviews and fewest <= new <= most:
                break
            if time.monotonic() > give_up:
                expected = fewest if fewest == most else f"{fewest} to {most}"
                raise Failed(
                    f"{title}: {answered} hits were answered, but {found} pageviews were counted ({pageviews} expected) "
                    f"and {new} new visitors ({expected} expected)"
                )
            time.sleep(0.1)
        self.pageviews, self.visitors = now
        if scenario.counts_pageviews and not scenario.counts_visitors:
            self.repeated_visitors_counted += new
