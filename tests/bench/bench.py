"""Runs a scenario, measures its rate and cost, and compares the counts with the sent requests."""

import json
import os
import re
import subprocess
import time

from load import ANSWERED_WITHIN_S, Visitors, wrk
from processes import Failed, Postgres, Server, program
from scenarios import HANDLER_SETTINGS, REPEATED_VISITORS

COUNTED_WITHIN_S = 5  # Equal queries share a response with statistics for a moment.


class Bench:
    def __init__(self, chosen, folder):
        self.postgres = Postgres()
        self.folder = folder
        self.visitors = Visitors()
        self.repeated_visitors_counted = 0
        self.servers = {}
        wanted = {scenario.server for scenario in chosen if scenario.load} | {"handler"}  # The handler reports the counts.
        try:
            for name in sorted(wanted):
                self.servers[name] = self.start(name)
                self.servers[name].wait("/health/ready" if name == "handler" else None)
            self.pageviews_counted, self.visitors_counted = self.counted()
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
        bytes_before = self.postgres.database_bytes()
        result = wrk(
            scenario.load, [server], self.postgres, self.visitors, connections, seconds, PATH=scenario.path, BODY=scenario.body
        )
        self.check(scenario, connections, result)
        answered, spent = result["answered"], result["processor_s"]
        others_s = spent["machine"] - spent["server"] - spent["postgres"] - spent["load"]
        return {
            "hits_per_second": result["per_second"],
            "p99_ms": result["p99_ms"],
            "errors": result["errors"] + result["refused"],
            "answer_bytes": result["bytes"] / answered,
            "server_processor_s_per_1000_hits": spent["server"] / answered * 1000,
            "postgres_processor_s_per_1000_hits": spent["postgres"] / answered * 1000,
            "load_processor_s_per_1000_hits": spent["load"] / answered * 1000,
            "others_processor_share": max(0, others_s) / result["elapsed_s"] / os.cpu_count(),
            "database_bytes_per_hit": (self.postgres.database_bytes() - bytes_before) / answered,
            "hits": answered,
        }

    def run_program(self, scenario, connections, seconds):
        """Runs a program that measures itself, for a time and with a number of visitors, without requests to the handler."""
        command = [program(scenario.server), str(seconds), str(connections)]
        ran = subprocess.run(command, capture_output=True, text=True)
        said = re.search(r"visitors_per_second\D*([\d.]+)", ran.stdout)
        if ran.returncode != 0 or not said:
            raise Failed(f"{scenario.server} failed: {ran.stdout}{ran.stderr}")
        self.pageviews_counted, self.visitors_counted = self.counted()
        return {"hits_per_second": float(said[1]), "errors": 0}

    def check(self, scenario, connections, result):
        title = f"{scenario.name}, {connections} connections"
        answered = result["answered"]
        if errors := result["errors"] + result["refused"]:
            raise Failed(f"{title}: {errors} errors (connections, time-outs, or a status of 400 and above)")
        if unanswered := result["unanswered"]:
            raise Failed(f"{title}: {unanswered} hits were not answered within {ANSWERED_WITHIN_S} s after the time was over")
        pageviews = answered if scenario.counts_pageviews else 0
        fewest = most = 0
        if scenario.counts_visitors:
            fewest = most = answered
        elif scenario.counts_pageviews:
            most = REPEATED_VISITORS - self.repeated_visitors_counted
            all_were_here = result["most_calls"] - connections > REPEATED_VISITORS
            fewest = most if all_were_here else 0
        give_up = time.monotonic() + COUNTED_WITHIN_S
        while True:
            now = self.counted()
            found, new = now[0] - self.pageviews_counted, now[1] - self.visitors_counted
            if found == pageviews and fewest <= new <= most:
                break
            if time.monotonic() > give_up:
                expected = fewest if fewest == most else f"{fewest} to {most}"
                raise Failed(
                    f"{title}: {answered} hits were answered, but {found} pageviews were counted ({pageviews} expected) "
                    f"and {new} new visitors ({expected} expected)"
                )
            time.sleep(0.1)
        self.pageviews_counted, self.visitors_counted = now
        if scenario.counts_pageviews and not scenario.counts_visitors:
            self.repeated_visitors_counted += new
