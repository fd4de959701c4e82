"""The rows of scripts/scale that read pages."""

import datetime
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


# Filters of the site that visits.sql writes. Its most frequent country is DE.
FILTERS = {
    "one country": "country=DE",
    "two values": "country=DE&device=Phone",
    "four values, one of them excluded": "country=DE&device=Phone&browser=!Chrome&channel=search",
    "a page and a device": "page=/articles/number-0/&device=Phone",
}


def filters(lab):
    """Statistics of 30 days, until today and until yesterday, of a site of a usual size: all of its visitors, and those of filters."""
    database = lab.database()
    [site] = variety.site_names(1)
    server = lab.handler(database.url, [site])
    lab.flood("warm-up", database, [server], seconds=1, may_refuse=True, REQUESTS=lab.requests(lab.variety.visits(["s1.test"], 1000)))
    history.write_visits(database, site, 32, lab.sizes.visitors)
    tidy(server)
    # Packing has deleted the cells of all days at once.
    database.ask("vacuum analyze cell")
    days = "select avg(length(cells) + coalesce(length(profiles), 0)) from pack where day > (select min(day) from pack)"
    figures = [Figure("a packed day: bytes", float(database.ask(days)), "{:.0f}", aim="≤ 40,000")]
    today = datetime.datetime.now(datetime.UTC).date()
    first, last = today - datetime.timedelta(days=30), today - datetime.timedelta(days=1)
    for until, period in {"today": "period=30d", "yesterday": f"from={first}&to={last}"}.items():
        measured = {}
        for title, conditions in {"all visitors": "", **FILTERS}.items():
            times = []
            for _ in range(lab.sizes.readings):
                status, seconds = lab.request(server, lab.variety.statistics(f"?site={site}&{period}&{conditions}"))
                if status != 200:
                    lab.problems.append(f"statistics of {title}: {status}")
                times.append(seconds)
                time.sleep(APART_S)
            measured[title] = statistics.median(times)
        for title, seconds in measured.items():
            is_filter = title in FILTERS
            aim = "≤ 60" if is_filter else ""
            figures.append(Figure(f"30 days until {until}, {title}: response time, ms", seconds * 1000, "{:.1f}", aim=aim))
            if is_filter:
                share = seconds / measured["all visitors"]
                figures.append(Figure("the same, times that of all visitors", share, aim="≤ 3"))
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
