"""Where processor time goes, by perf: the functions in which most samples fell, by process."""

import collections
import functools
import shutil
import signal
import subprocess
import time

from processes import Failed

SAMPLES_PER_SECOND = 999
FUNCTIONS_SHOWN = 25


@functools.cache
def event():
    """Virtual machines often have no counter of cycles; the clock samples as well, only coarser."""
    if not shutil.which("perf"):
        raise Failed("perf is not installed (Debian: apt-get install linux-perf)")
    for name in ("cycles", "cpu-clock"):
        tried = subprocess.run(["perf", "stat", "-e", name, "true"], capture_output=True, text=True)
        if tried.returncode == 0 and "<not supported>" not in tried.stderr:
            return name
    raise Failed(f"perf can't count here: {tried.stderr.strip()}")


class Recording:
    def __init__(self, file):
        self.file = file

    def start(self, processes):
        command = ["perf", "record", "--event", event(), "--freq", str(SAMPLES_PER_SECOND), "--output", str(self.file)]
        command += ["--pid", ",".join(map(str, processes))]
        self.perf = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(0.3)

    def stop(self):
        self.perf.send_signal(signal.SIGINT)
        _, said = self.perf.communicate()
        if not self.file.exists():
            raise Failed(f"perf record: {said.strip()}")

    def report(self):
        fields = "period,comm,dso,symbol"
        command = ["perf", "report", "--input", str(self.file), "--stdio", "--fields", fields, "--field-separator", "\t"]
        reported = subprocess.run(command, capture_output=True, text=True)
        shares, functions, total = collections.Counter(), collections.Counter(), 0
        for line in reported.stdout.splitlines():
            fields = [field.strip() for field in line.split("\t")]
            if line.startswith("#") or len(fields) < 4:
                continue
            period, command, binary, symbol = fields[:4]  # Some versions of perf add a column.
            kernel, name = symbol.startswith("[k]"), symbol[4:]
            if name.startswith("0x"):
                name = "(without a name)"
            process = "PostgreSQL" if command.startswith("postgres") else "server"  # tokio names its threads.
            shares[process, "kernel" if kernel else "itself"] += int(period)
            functions[process, "kernel" if kernel else binary, name] += int(period)
            total += int(period)
        if not total:
            raise Failed(f"perf report: {reported.stderr.strip()}")
        lines = [f"{part / total:7.1%}  {process}, {where}" for (process, where), part in shares.most_common()]
        for wanted in ("server", "PostgreSQL"):
            mine = [entry for entry in functions.most_common() if entry[0][0] == wanted][:FUNCTIONS_SHOWN]
            lines += ["", f"{wanted}:"] + [f"{part / total:7.1%}  {where:<12} {name}" for (_, where, name), part in mine]
        return "\n".join(lines)
