"""Processes and PostgreSQL, measured by /proc and PostgreSQL's own views, without the schema."""

import http.client
import os
import pathlib
import socket
import subprocess
import time
import urllib.parse

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
START_WITHIN_S = 30
STOP_WITHIN_S = 10
PROGRAMS = pathlib.Path(os.environ.get("BENCH_PROGRAMS", "target/release"))


class Failed(Exception):
    """The benchmark is not valid or cannot continue. The text is the error message."""


def program(name):
    path = PROGRAMS / name if name == "handler" else PROGRAMS / "examples" / name
    if not path.exists():
        raise Failed(f"{path} does not exist: check the name of the example")
    return path


def processor_times(pid):
    """Parent, own processor seconds, and those of ended children that the process has waited for."""
    # The name in brackets may contain any character.
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, children_user, children_system = (int(field) / TICKS_PER_SECOND for field in fields[11:15])
    return int(fields[1]), user + system, children_user + children_system


def machine_processor_s():
    """All processor seconds of this machine that were not idle."""
    # user, nice, system, idle, iowait, irq, softirq, steal
    fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    times = [int(field) for field in fields]
    return (sum(times) - times[3] - times[4]) / TICKS_PER_SECOND


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Postgres:
    """A database: without a URL, the one of DATABASE_URL."""

    def __init__(self, url=None):
        self.url = url or os.environ["DATABASE_URL"]
        self.postmaster = int(self.ask("select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"))

    def ask(self, query):
        return self.psql("--tuples-only", "--no-align", "--command", query)

    def run(self, script, **variables):
        """Runs a file of statements. `:NAME` in it is the value of a variable."""
        return self.psql("--file", script, *(f"--set={name}={value}" for name, value in variables.items()))

    def psql(self, *arguments):
        command = ["psql", self.url, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", *arguments]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode != 0:
            raise Failed(f"psql: {ran.stderr.strip()}")
        return ran.stdout.strip()

    def create(self, name):
        """A new database on the same server."""
        self.ask(f"create database {name}")
        return Postgres(urllib.parse.urlsplit(self.url)._replace(path=f"/{name}").geturl())

    def port(self):
        return urllib.parse.urlsplit(self.url).port

    def url_through(self, port):
        """The URL of this database through a proxy on this machine."""
        url = urllib.parse.urlsplit(self.url)
        return url._replace(netloc=f"{url.username}@127.0.0.1:{port}").geturl()

    def database_bytes(self):
        return int(self.ask("select pg_database_size(current_database())"))

    def children(self):
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parent, own, _ = processor_times(entry.name)
                except (FileNotFoundError, ProcessLookupError):  # The process has just ended.
                    continue
                if parent == self.postmaster:
                    found[int(entry.name)] = own
        return found

    def processor_s(self):
        _, own, ended = processor_times(self.postmaster)
        return own + ended + sum(self.children().values())


class Server:
    """A process that listens on a port, with HTTP unless it is the proxy: the handler, or an example with its arguments."""

    def __init__(self, program, settings, log, arguments=()):
        self.program = program
        self.port = free_port()
        self.log = log
        settings = {**settings, "FUNCTIONS_CUSTOMHANDLER_PORT": str(self.port)} if program.name == "handler" else settings
        # The caller's settings must not change the measurement.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
        command = [program] if program.name == "handler" else [program, str(self.port), *arguments]
        with open(log, "ab") as output:
            self.process = subprocess.Popen(command, env={**environment, **settings}, stdout=output, stderr=output)
        self.pid = self.process.pid
        self.began = time.monotonic()  # Popen returns when the program has been executed.

    def get(self, path):
        """Status and body of the response. The request has no headers, as the probe of the Functions host."""
        return self.request("GET", path, {})

    def request(self, method, path, headers, body=b"", timeout_s=10):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            if body:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def wait(self, path):
        """Milliseconds from the start to the first response with 200. Without a path: until the port is open."""
        while True:
            try:
                if path is None:
                    socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                    return (time.monotonic() - self.began) * 1000
                if self.get(path)[0] == 200:
                    return (time.monotonic() - self.began) * 1000
            except (OSError, http.client.HTTPException):
                pass
            self.check()
            if time.monotonic() - self.began > START_WITHIN_S:
                raise Failed(f"{self.program.name} does not respond{self.last_lines()}")
            time.sleep(0.0002)

    def check(self):
        if self.process.poll() is not None:
            raise Failed(f"{self.program.name} has ended ({self.process.returncode}){self.last_lines()}")

    def last_lines(self):
        return ":\n" + "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])

    def processor_s(self):
        return processor_times(self.pid)[1]

    def memory_bytes(self, name):
        """`VmRSS`: resident memory now. `VmHWM`: the highest so far."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
        raise Failed(f"/proc/{self.pid}/status has no {name}")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
