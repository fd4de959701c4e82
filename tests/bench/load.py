"""Loads: wrk as fast as servers respond, and requests at planned times. Both count what was sent, acknowledged and refused."""

import dataclasses
import os
import pathlib
import resource
import statistics
import subprocess
import tempfile
import time

from processes import Failed, machine_processor_s, program
from scenarios import MOST_NEW_VISITORS

FOLDER = pathlib.Path(__file__).parent
THREADS = 2
ANSWERED_WITHIN_S = 2  # The longest wait for responses after the time is over; wrk reports a longer wait as an error, too.


class Visitors:
    """Numbers of new visitors. Each is used once."""

    def __init__(self):
        self.next = 0

    def use(self, count):
        first, self.next = self.next, self.next + count
        if self.next > MOST_NEW_VISITORS:
            raise Failed("no new visitors are left; run for a shorter time")
        return first


def processor_s(servers, postgres):
    us, ours = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "server": sum(server.processor_s() for server in servers),
        "postgres": postgres.processor_s(),
        "load": sum(usage.ru_utime + usage.ru_stime for usage in (us, ours)),  # The children are the load.
        "machine": machine_processor_s(),
    }


def wrk(
    script, servers, postgres, visitors, connections, seconds, threads=THREADS, answered_within_s=ANSWERED_WITHIN_S, **variables
):
    """Loads servers through a number of connections, and returns what wrk measured and the spent processor seconds.

    The keys: `sent`, `answered`, `refused` (a status of 400 and above), `errors` (connections, time-outs), `unanswered`, `p50_ms`,
    `p99_ms`, `bytes`, `most_calls`, `elapsed_s`, `per_second` and `processor_s`.
    """
    command = ["wrk", "--threads", str(threads), "--connections", str(connections), "--latency"]
    command += ["--duration", f"{seconds + answered_within_s}s", "--script", str(FOLDER / script)]
    ports = ",".join(str(server.port) for server in servers)
    variables = {"PATH": "/", "BODY": "", "VISITORS": "new", **variables, "PORTS": ports, "SECONDS": seconds, "THREADS": threads}
    variables["FIRST_VISITOR"] = visitors.next
    environment = {**os.environ, **{f"BENCH_{name}": str(value) for name, value in variables.items()}}
    before = processor_s(servers, postgres)
    began = time.monotonic()
    command += [f"http://127.0.0.1:{servers[0].port}/"]
    ran = subprocess.run(command, env=environment, cwd=FOLDER.parent.parent, capture_output=True, text=True)
    elapsed_s = time.monotonic() - began
    spent = {name: after - before[name] for name, after in processor_s(servers, postgres).items()}
    for server in servers:
        server.check()
    line = next((line for line in ran.stdout.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        raise Failed(f"wrk failed: {ran.stdout}{ran.stderr}")
    result = {name: int(value) for name, value in (field.split("=") for field in line.split()[1:])}
    visitors.use(threads * result["most_calls"])
    unanswered = connections - result["idle_connections"]
    return {
        **result,
        "unanswered": unanswered,
        "sent": result["answered"] + unanswered + result["errors"],
        "p50_ms": result["p50_us"] / 1000,
        "p99_ms": result["p99_us"] / 1000,
        # Each connection got exactly one response after the time was over.
        "per_second": (result["answered"] - result["refused"] - connections) / seconds,
        "elapsed_s": elapsed_s,
        "processor_s": spent,
    }


@dataclasses.dataclass
class Response:
    at_ms: float  # the planned time, from the beginning of the load
    latency_ms: float  # from the planned time
    status: int  # 0 without a response

    @property
    def was_refused(self):
        return not 200 <= self.status < 400


class Arrivals:
    """Requests at planned times, a number per second. `end` waits for the last response."""

    def __init__(self, server, requests, per_second, folder):
        self.sent = len(requests)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(b"\0".join(requests))
        command = [program("arrivals"), str(server.port), str(per_second), file.name]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def end(self):
        output, _ = self.process.communicate()
        if self.process.returncode != 0:
            raise Failed(f"arrivals failed with exit code {self.process.returncode}")
        lines = (line.split() for line in output.splitlines())
        return [Response(float(at), float(latency), int(status)) for at, latency, status in lines]


def percentile(responses, percent):
    """The latency within which this share of the responses came."""
    latencies = sorted(response.latency_ms for response in responses)
    return latencies[min(len(latencies) - 1, len(latencies) * percent // 100)] if latencies else float("nan")


def share_refused(responses):
    return statistics.fmean(response.was_refused for response in responses) if responses else float("nan")
