#!/usr/bin/env python3
"""Writes the result of scripts/bench as Markdown: python3 tests/bench/report.py <measured.json"""

import json
import sys

COLUMNS = [
    ("connections", "connections", "{:.0f}"),
    ("hits/s", "hits_per_second", "{:.0f}"),
    ("ratio", "ratio", "{:.2f}"),
    ("lowest", "ratio_lowest", "{:.2f}"),
    ("highest", "ratio_highest", "{:.2f}"),
    ("by processor", "processor_ratio", "{:.2f}"),
    ("p99 ms", "p99_ms", "{:.1f}"),
    ("errors", "errors", "{:.0f}"),
    ("bytes", "answer_bytes", "{:.0f}"),
    ("server s", "server_processor_s_per_1000_hits", "{:.3f}"),
    ("PostgreSQL s", "postgres_processor_s_per_1000_hits", "{:.3f}"),
    ("wrk s", "load_processor_s_per_1000_hits", "{:.3f}"),
    ("database bytes", "database_bytes_per_hit", "{:.0f}"),
    ("others", "others_processor_share", "{:.0%}"),
]


def table(head, rows):
    """A Markdown table with aligned columns, so that a terminal shows it as a table, too."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [head, ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]], *rows]
    aligned = [[line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in aligned)


def text(measured):
    def cell(row, name, form):
        return form.format(row[name]) if name in row else ""

    rows = [[row["title"]] + [cell(row, name, form) for _, name, form in COLUMNS] for row in measured["scenarios"]]
    loads = table(["scenario"] + [head for head, _, _ in COLUMNS], rows)
    start, memory, binary = measured["start"], measured["memory"], measured["binary_bytes"]
    prints = []
    for name in ("nothing", "handler"):
        used = memory.get(name, {})
        sizes = [used.get(key, 0) / 1e6 for key in ("idle_bytes", "loaded_bytes", "peak_bytes")] + [binary[name] / 1e6]
        times = [cell(start, f"{name}_{key}_ms", "{:.1f}") for key in ("first_answer", "database_ready")]
        prints.append([name] + [f"{size:.1f}" for size in sizes] + times)
    footprint = table(
        ["program", "idle MB", "loaded MB", "peak MB", "binary MB", "first answer ms", "database ready ms"], prints
    )
    machine = measured["machine"]
    postgres = machine["postgres"]
    return (
        f"{loads}\n\n{footprint}\n\n"
        f"{measured['rounds']} rounds of {measured['seconds']} s on {machine['cores']} cores; "
        f"PostgreSQL {postgres['server_version']}, fsync {postgres['fsync']}, "
        f"synchronous_commit {postgres['synchronous_commit']}; "
        f"load average before it began {machine['load_before']:.2f}. Everything that was sent was answered and counted."
    )


if __name__ == "__main__":
    print(text(json.load(sys.stdin)))
