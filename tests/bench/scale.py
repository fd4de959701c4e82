#!/usr/bin/env python3
"""Measures how the costs of Footfall grow. scripts/scale builds what this needs, and starts PostgreSQL."""

import argparse
import dataclasses
import json
import os
import pathlib
import signal
import sys
import tempfile
import time

import counting_rows
import reading_rows
from command_line import names_of, say
from lab import LONG, SHORT, Lab
from load import Visitors
from processes import Failed, Postgres, program
from report import table

ROWS = {
    "sites": counting_rows.sites,
    "instances": counting_rows.instances,
    "latency": counting_rows.latency,
    "values": counting_rows.values,
    "import": counting_rows.imports,
    "pages": reading_rows.pages,
    "filters": reading_rows.filters,
    "round-trips": counting_rows.round_trips,
    "cold": counting_rows.cold,
    "many-sites": reading_rows.many_sites,
}


def options():
    parser = argparse.ArgumentParser(
        prog="scripts/scale",
        description="Measures how the costs grow with sites, values, instances, history and distance, all in one run on this machine. "
        "Fails if an acknowledged visit was not counted, or a request was refused. docs/performance.md explains the numbers.",
    )
    parser.add_argument("--json", action="store_true", help="print numbers for programs instead of a table")
    parser.add_argument("--only", type=names_of("row", ROWS), default=list(ROWS), metavar="ROW,…", help="some of " + ", ".join(ROWS))
    parser.add_argument("--short", action="store_true", help="small sizes: checks that nothing is lost, and measures nothing")
    parser.add_argument("--check-options", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(arguments, folder):
    postgres, visitors = Postgres(), Visitors()
    sizes = SHORT if arguments.short else LONG
    load_before = os.getloadavg()[0]
    rows, problems = [], []
    for name in arguments.only:
        began = time.monotonic()
        figures = []
        with Lab(postgres, folder, name, sizes, visitors) as lab:
            try:
                figures = ROWS[name](lab)
            except Failed as failure:
                lab.problems.append(str(failure))
        problems += [f"{name}: {problem}" for problem in lab.problems]
        say(f"{name}, {time.monotonic() - began:.0f} s")
        for figure in figures:
            aim = f" (aim: {figure.aim})" if figure.aim else ""
            say(f"  {figure.title}: {figure.form.format(figure.value)}{aim}")
            rows.append({"row": name, **dataclasses.asdict(figure), "holds": figure.holds()})
        for problem in lab.problems:
            say(f"  PROBLEM {problem}")
    version = postgres.ask("show server_version")
    return {"machine": {"cores": os.cpu_count(), "load_before": load_before, "postgres": version}, "figures": rows, "problems": problems}


def text(measured):
    said = {True: "yes", False: "no", None: ""}
    rows = [[row["row"] + ": " + row["title"], row["form"].format(row["value"]), row["aim"], said[row["holds"]]] for row in measured["figures"]]
    machine = measured["machine"]
    lines = [table(["measured", "value", "aim", "holds"], rows), ""]
    lines += [f"PROBLEM {problem}" for problem in measured["problems"]]
    lines.append(
        f"{machine['cores']} cores; PostgreSQL {machine['postgres']}; load average before it began {machine['load_before']:.2f}. "
        + ("" if measured["problems"] else "Each acknowledged visit was counted, and no request was refused.")
    )
    return "\n".join(lines)


def main():
    arguments = options()
    if arguments.check_options:
        return
    # SIGTERM must also stop the started processes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        for name in ("handler", "recorder", "delay", "arrivals"):
            program(name)
        with tempfile.TemporaryDirectory() as folder:
            measured = measure(arguments, pathlib.Path(folder))
    except Failed as failure:
        sys.exit(f"scale: {failure}")
    print(json.dumps(measured, indent=2) if arguments.json else text(measured))
    if measured["problems"]:
        sys.exit("scale: " + "; ".join(measured["problems"]))


if __name__ == "__main__":
    main()
