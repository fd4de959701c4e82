#!/usr/bin/env python3
"""Measures Footfall against a warp route that does nothing. scripts/bench builds what this needs, and starts PostgreSQL."""

import argparse
import json
import os
import pathlib
import signal
import statistics
import sys
import tempfile
import time

import report
from bench import Bench
from command_line import names_of, say
from processes import PROGRAMS, Failed, Server, program
from scenarios import HANDLER_SETTINGS, NOTHING, SCENARIOS

WARM_UP_S = 1
STARTS = 10


def whole_number(text):
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def connection_counts(text):
    return [whole_number(part) for part in text.split(",")]


def options():
    known = [scenario.name for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures Footfall against a warp route that does nothing, all in one run on this machine. "
        "Fails if a single hit was not answered or not counted. docs/performance.md explains the numbers.",
    )
    parser.add_argument("--json", action="store_true", help="print numbers for programs instead of a table")
    parser.add_argument("--rounds", type=whole_number, default=3, metavar="N", help="default 3; the output has medians")
    parser.add_argument("--seconds", type=whole_number, default=5, metavar="S", help="duration of each scenario; default 5")
    parser.add_argument("--only", type=names_of("scenario", known), metavar="SCENARIO,…", help="some of " + ", ".join(known))
    parser.add_argument("--connections", type=connection_counts, default=[64, 256], metavar="64,256", help="at the same time")
    parser.add_argument("--check-options", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def starts(folder):
    """Milliseconds from the execution to the first response, of `nothing` and of the handler in turn."""
    paths = {"nothing": ["/"], "handler": ["/", "/health/ready"]}
    found = {"nothing": [], "handler": []}
    for number in range(STARTS + 1):
        for name, asked in paths.items():
            server = Server(program(name), HANDLER_SETTINGS, folder / f"start-{name}.log")
            try:
                elapsed_ms = [server.wait(path) for path in asked]
            finally:
                server.stop()
            if number > 0:  # The very first start creates the schema, and reads the programs from the disk.
                found[name].append(elapsed_ms)
    (nothing,), (handler, ready) = ([statistics.median(times) for times in zip(*runs)] for runs in found.values())
    return {"nothing_first_answer_ms": nothing, "handler_first_answer_ms": handler, "handler_database_ready_ms": ready}


def measure(arguments, chosen, folder):
    load_before = os.getloadavg()[0]
    say(f"{STARTS} starts …")
    started = starts(folder)
    bench = Bench(chosen, folder)
    try:
        time.sleep(1)  # Work that follows a start has ended.
        idle = {name: server.memory_bytes("VmRSS") for name, server in bench.servers.items()}
        runs = {}
        for scenario in (scenario for scenario in chosen if scenario.load):
            bench.run(scenario, arguments.connections[0], WARM_UP_S)
        for number in range(1, arguments.rounds + 1):
            for connections in arguments.connections:
                for scenario in chosen:
                    run = bench.run(scenario, connections, arguments.seconds)
                    runs.setdefault((scenario.name, connections), []).append(run)
                    say(f"round {number}, {connections} connections, {scenario.name}: {run['hits_per_second']:.0f} hits/s")
        memory = {}
        for name, server in bench.servers.items():
            loaded, peak = server.memory_bytes("VmRSS"), server.memory_bytes("VmHWM")
            memory[name] = {"idle_bytes": idle[name], "loaded_bytes": loaded, "peak_bytes": peak}
        postgres = {name: bench.postgres.ask(f"show {name}") for name in ("server_version", "fsync", "synchronous_commit")}
    finally:
        bench.stop()
    return {
        "machine": {"cores": os.cpu_count(), "load_before": load_before, "postgres": postgres},
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "scenarios": [summary(scenario, runs, connections) for connections in arguments.connections for scenario in chosen],
        "start": started,
        "memory": memory,
        "binary_bytes": {name: program(name).stat().st_size for name in ("nothing", "handler")},
    }


def processor_s(run):
    return sum(run[f"{process}_processor_s_per_1000_hits"] for process in ("server", "postgres", "load"))


def summary(scenario, runs, connections):
    """Medians of a scenario's rounds; each ratio is to `nothing` in the same round, so that noise hits both."""
    mine, nothing = runs[scenario.name, connections], runs[NOTHING.name, connections]
    ratios = [run["hits_per_second"] / base["hits_per_second"] for run, base in zip(mine, nothing)]
    medians = {name: statistics.median(run[name] for run in mine) for name in mine[0] if name not in ("errors", "hits")}
    if scenario.load:
        medians["processor_ratio"] = statistics.median(processor_s(base) / processor_s(run) for run, base in zip(mine, nothing))
    return {
        "name": scenario.name,
        "title": scenario.title,
        "connections": connections,
        "ratio": statistics.median(ratios),
        "ratio_lowest": min(ratios),
        "ratio_highest": max(ratios),
        **medians,
        "errors": sum(run["errors"] for run in mine),
        "hits": sum(run.get("hits", 0) for run in mine),
    }


def main():
    arguments = options()
    if arguments.check_options:
        return
    # SIGTERM must also stop the started processes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    only = arguments.only or [scenario.name for scenario in SCENARIOS if scenario is not NOTHING]
    chosen = [s for s in SCENARIOS if s.name in only or s is NOTHING]  # Ratios need `nothing`.
    try:
        for scenario in chosen:
            program(scenario.server)
        with tempfile.TemporaryDirectory() as folder:
            measured = measure(arguments, chosen, pathlib.Path(folder))
    except Failed as failure:
        sys.exit(f"bench: {failure}")
    print(json.dumps(measured, indent=2) if arguments.json else report.text(measured))


if __name__ == "__main__":
    main()
