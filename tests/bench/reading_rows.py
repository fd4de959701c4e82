"""The rows of scripts/scale that read pages."""

import statistics
import threading
import time

import history
import variety
from lab import Figure
from processes import Failed

APART_S = 1.1  # Later pages are read again: equal queries share a reading for a moment.


def pages(lab):
    """Pages of the largest possible site: 30 days, then years, and the wait of other networks meanwhile."""
    database = lab.database()
    large, small = variety.site_names(2)
    server = lab.handler(database.url, [large, small])
    lab.flood("warm-up", database, [server], seconds=1, may_refuse=True, REQUESTS=lab.requests(lab.variety.visits([small], 1000)))
    history.write(database, [large], 31 * max(lab.sizes.months), lab.sizes.values)
    tidy(server)
    alone_s = statistics.median(seconds for _, seconds in (ask(lab, server, f"?site={small}") for _ in range(lab.sizes.pages)))
    figures = [Figure("page of a small site: response time, s", alone_s, "{:.3f}")]
    bounds = {"30d": ("≤ 0.15", "≤ 0.25")}
    for period in ["30d"] + [f"{months}m" for months in lab.sizes.months]:
        processor_aim, time_aim = bounds.get(period, ("≤ 0.5", "≤ 1"))
        spent, times, waits, refused = [], [], [], 0
        for _ in range(lab.sizes.pages):
            before_s = processor_s(lab, server)
            status, seconds = ask(lab, server, f"?site={large}&period={period}")
            spent.append(processor_s(lab, server) - before_s)
            times.append(seconds)
            refused += status != 200
            time.sleep(APART_S)
        if refused:
            lab.problems.append(f"page of {period}: {refused} of {lab.sizes.pages} requests were refused")
        reader = threading.Thread(target=lambda: [ask(lab, server, f"?site={large}&period={period}") for _ in range(2)])
        reader.start()
        while reader.is_alive():
            waits.append(ask(lab, server, f"?site={small}")[1])
            time.sleep(0.01)
        figures += [
            Figure(f"page of {period} of the largest site: processor time, s", statistics.median(spent), aim=processor_aim),
            Figure(f"page of {period}: response time, s", statistics.median(times), aim=time_aim),
            Figure(f"page of {period}: share of refused pages", refused / lab.sizes.pages, "{:.0%}", aim="≤ 0%"),
            Figure("page of a small site meanwhile: longest response time, s", max(waits), "{:.3f}"),
        ]
    return figures


def ask(lab, server, query):
    return lab.request(server, lab.variety.page(query))


def processor_s(lab, server):
    return lab.postgres.processor_s() + server.processor_s()


def tidy(server):
    """Maintenance, as the timer of the Functions host calls it."""
    status, body = server.request("POST", "/function-maintenance", {}, timeout_s=120)
    if status != 200:
        raise Failed(f"/function-maintenance returned {status}: {body[:200]!r}")


def many_sites(lab):
    """The page of an instance with very many sites against one with a single site."""
    servers, runs, sizes = {}, {}, {}
    for count in (1, lab.sizes.page_sites):
        database = lab.database()
        servers[count] = (database, lab.handler(database.url, variety.site_names(count)))
        # Before the loads, because it counts.
        _, body = servers[count][1].request("GET", "/", {"User-Agent": variety.AGENTS[0]})
        sizes[count] = len(body)
        lab.flood("warm-up", database, [servers[count][1]], "repeated.lua", seconds=1, may_refuse=True)
        runs[count] = []
    for _ in range(lab.sizes.rounds):
        for count, (database, server) in servers.items():
            runs[count].append(lab.flood(f"page of {count:,} sites", database, [server], "repeated.lua"))
    (one, many) = (statistics.median(run["per_second"] for run in of_count) for of_count in runs.values())
    (one_sent, many_sent) = (statistics.median(run["bytes"] / run["answered"] for run in of_count) for of_count in runs.values())
    return [
        Figure("page of one site: bytes, not compressed", sizes[1], "{:.0f}"),
        Figure(f"page of {lab.sizes.page_sites:,} sites: bytes, times one site's", sizes[lab.sizes.page_sites] / sizes[1], aim="≤ 1.2"),
        Figure("the same as sent, compressed", many_sent / one_sent, aim="≤ 1.2"),
        Figure("page of one site: hits per second", one, "{:.0f}"),
        Figure(f"page of {lab.sizes.page_sites:,} sites: hits per second, share of one site's", many / one, aim="≥ 0.83"),
    ]
