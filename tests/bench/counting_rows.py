"""The rows of scripts/scale that count visits."""

import statistics
import subprocess
import time

import history
import variety
from lab import Figure
from load import percentile, share_refused
from processes import Failed, program

REQUESTS = 20_000  # varied requests of a flood, which repeat with new visitors


def medians(runs, name):
    return statistics.median(run[name] for run in runs)


def sites(lab):
    """Many sites against one, in turn."""
    counts = {"one": 1, "many": lab.sizes.many_sites}
    floods = {}
    for name, count in counts.items():
        names = variety.site_names(count)
        database = lab.database()
        server = lab.handler(database.url, names)
        requests = lab.requests(lab.variety.visits(names, REQUESTS))
        lab.open_all(database, server, requests, count)
        floods[name] = (database, server, requests)
    runs = {name: [] for name in counts}
    for _ in range(lab.sizes.rounds):
        for name, (database, server, requests) in floods.items():
            runs[name].append(lab.flood(f"{counts[name]} sites", database, [server], REQUESTS=requests))
    one, many = ({key: medians(runs[name], key) for key in ("per_second", "postgres_s_per_1000")} for name in counts)
    return [
        Figure("one site, new visitors: visits per second", one["per_second"], "{:.0f}"),
        Figure(f"{counts['many']:,} sites: visits per second", many["per_second"], "{:.0f}"),
        Figure("the same, as a share of one site's", many["per_second"] / one["per_second"], aim="≥ 0.6"),
        Figure("PostgreSQL's processor time of 1,000 visits, one site, s", one["postgres_s_per_1000"], "{:.3f}"),
        Figure("the same with many sites, times one site's", many["postgres_s_per_1000"] / one["postgres_s_per_1000"], aim="≤ 2"),
    ]


def instances(lab):
    """One site and a number of connections in all, on more and more instances."""
    database = lab.database()
    [site] = variety.site_names(1)
    requests = lab.requests(lab.variety.visits([site], REQUESTS))
    most = max(lab.sizes.instances)
    servers = [lab.handler(database.url, [site]) for _ in range(most)]
    lab.flood("warm-up", database, servers, seconds=1, may_refuse=True, threads=most, REQUESTS=requests)
    figures = []
    for visitors, aims in (("new", {"rate": "≥ 1", "cost": "≤ 3"}), ("repeated", {"rate": "≥ 1", "cost": ""})):
        runs = {count: [] for count in lab.sizes.instances}
        for _ in range(lab.sizes.rounds):
            for count in lab.sizes.instances:
                title = f"{count} instances, {visitors} visitors"
                run = lab.flood(title, database, servers[:count], threads=most, VISITORS=visitors, REQUESTS=requests)
                runs[count].append(run)
        rates = {count: medians(of_count, "per_second") for count, of_count in runs.items()}
        costs = {count: medians(of_count, "postgres_s_per_1000") for count, of_count in runs.items()}
        figures.append(Figure(f"one instance, {visitors} visitors: visits per second", rates[1], "{:.0f}"))
        for count in lab.sizes.instances[1:]:
            aim = aims["cost"] if count == most else ""
            figures.append(Figure(f"{count} instances, {visitors}: visits per second, share of one's", rates[count] / rates[1], aim=aims["rate"]))
            figures.append(Figure(f"{count} instances, {visitors}: PostgreSQL's processor time of a visit, times one's", costs[count] / costs[1], aim=aim))
    return figures


def latency(lab):
    """Visits and pages at planned times, with a distance to the database."""
    round_trip_ms, per_second = 2, 500
    database = lab.database()
    [site] = variety.site_names(1)
    figures = []
    count = per_second * lab.sizes.seconds
    loads = {"/v": lab.variety.visits([site], count), "the page": [lab.variety.page() for _ in range(count)]}
    aims = {"/v": "≤ 2", "the page": "≤ 4"}
    for distance_ms in (0, round_trip_ms):
        proxy = lab.delay(database, distance_ms)
        server = lab.handler(database.url_through(proxy.port), [site])
        for name, requests in loads.items():
            title = f"{name}, {per_second} a second, {distance_ms} ms"
            lab.arrivals("warm-up", database, server, per_second, requests[: per_second // 2], may_refuse=True)
            p50_ms = percentile(lab.arrivals(title, database, server, per_second, requests), 50)
            if distance_ms:
                figures.append(Figure(f"{name}, {per_second} a second, {round_trip_ms} ms away: p50 in round trips", p50_ms / round_trip_ms, aim=aims[name]))
            else:
                figures.append(Figure(f"{name}, {per_second} a second, without a distance: p50, ms", p50_ms))
        server.stop()
    return figures


def values(lab):
    """Sites with full lists, through the recorder alone, because requests can't have so many values of each dimension."""
    few, more, many = (*lab.sizes.full_sites, *lab.sizes.full_sites[-1:])[:3]
    rates = {}
    for count in dict.fromkeys((few, more, many)):
        database = lab.database()
        names = variety.site_names(count)
        history.write(database, names, 1, lab.sizes.values, one_in=0)
        server = lab.recorder(database.url)
        different = lab.sizes.values * min(count, more)
        requests = lab.requests(lab.variety.listed_visits(names, max(count * 10, different)))
        lab.open_all(database, server, requests, count)
        # Afterwards the values of some sites are known, as after some hours of visits.
        answered = 0
        while answered < different:
            answered += lab.flood("warm-up", database, [server], may_refuse=True, REQUESTS=requests)["answered"]
        runs = [lab.flood(f"{count} sites with full lists", database, [server], REQUESTS=requests) for _ in range(lab.sizes.rounds)]
        rates[count] = medians(runs, "per_second")
        server.stop()
    figures = [Figure(f"{few} sites with full lists: visits per second", rates[few], "{:.0f}")]
    for count, aim in {more: "≥ 0.9", many: "≥ 0.5"}.items():
        figures.append(Figure(f"{count:,} such sites: visits per second, share of {few} sites'", rates[count] / rates[few], aim=aim))
    return figures


def imports(lab):
    """An import next to live visits."""
    per_second = 100
    database = lab.database()
    live, *imported = variety.site_names(30)
    server = lab.handler(database.url, [live])
    log = lab.file("access.log")
    with log.open("w") as file:
        pageviews = lab.variety.log(file, lab.sizes.log_lines)
    requests = lab.variety.visits([live], per_second * 2 * lab.sizes.seconds)
    lab.arrivals("warm-up", database, server, per_second, requests[:per_second], may_refuse=True, site=live)
    alone = lab.arrivals("live visits", database, server, per_second, requests, site=live)
    spans, began = [], 0

    def meanwhile():
        """Imports the log for one site after the other, until the live visits end."""
        nonlocal began
        began = time.monotonic()
        for site in imported:
            since = time.monotonic()
            import_log(database, log, site)
            spans.append((since - began, time.monotonic() - began))
            if spans[-1][1] > len(requests) / per_second:
                return

    responses = lab.arrivals("live visits next to an import", database, server, per_second, requests, meanwhile=meanwhile, site=live)
    for site in imported[: len(spans)]:
        if (counted := lab.counted(database, site, since=0)) != pageviews:
            lab.problems.append(f"an import counted {counted} pageviews, {pageviews} expected")
    during = [response for response in responses if any(since <= response.at_ms / 1000 <= until for since, until in spans)]
    lines_per_second = statistics.median(lab.sizes.log_lines / (until - since) for since, until in spans)
    return [
        Figure("import next to live visits: lines per second", lines_per_second, "{:.0f}", aim="≥ 30,000"),
        Figure(f"live visits, {per_second} a second, without an import: p99, ms", percentile(alone, 99), "{:.1f}"),
        Figure("the same next to an import", percentile(during, 99), "{:.1f}", aim="≤ 30"),
    ]


def import_log(database, log, site):
    environment = {"DATABASE_URL": database.url, "PATH": "/usr/bin:/bin"}
    command = [program("handler"), "import", "--json", "--site", site, log]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    if ran.returncode != 0:
        raise Failed(f"handler import: {ran.stderr}")


def round_trips(lab):
    """Starts of an instance, each with one request: round trips to the database before the response."""
    distance_ms = 20
    database = lab.database()
    [site] = variety.site_names(1)
    requests = {"the first commit": lab.variety.visit(site), "the first page": lab.variety.page()}
    aims = {"the first commit": "≤ 12", "the first page": "≤ 15"}
    # The site and the page's own site exist, as on every start but the first.
    opened = lab.handler(database.url, [site])
    for request in requests.values():
        lab.request(opened, request)
    opened.stop()
    proxy = lab.delay(database, distance_ms)
    figures = []
    for name, request in requests.items():
        in_a_row, in_all = [], []
        for _ in range(lab.sizes.starts):
            with lab.compared(f"{name} of an instance", database) as loads:
                logged = proxy.log.stat().st_size
                server = lab.handler(database.url_through(proxy.port), [site], path=None)
                status, _ = lab.request(server, request)
                ended_ms = time.time() * 1000
                was_counted = 200 <= status < 300
                loads.append((1, was_counted, not was_counted))
            server.stop()
            sent_ms = [int(sent_us) / 1000 for sent_us in proxy.log.read_bytes()[logged:].split()]
            sent_ms = [sent for sent in sent_ms if sent < ended_ms]
            in_all.append(len(sent_ms))
            in_a_row.append(longest_row(sent_ms, distance_ms))
        figures.append(Figure(f"round trips before {name}, one after the other", statistics.median(in_a_row), "{:.0f}", aim=aims[name]))
        figures.append(Figure("the same on all connections", statistics.median(in_all), "{:.0f}"))
    return figures


def longest_row(sent_ms, distance_ms):
    """How many round trips of several connections were one after the other: each begins when the one before has ended."""
    count, ends_ms = 0, 0
    for sent in sorted(sent_ms):
        if sent >= ends_ms:
            count, ends_ms = count + 1, sent + distance_ms
    return count


def cold(lab):
    """A new instance with many sites; then the loss and the renewal of its connection."""
    per_second, round_trip_ms = 200, 1
    names = variety.site_names(lab.sizes.many_sites)
    database = lab.database()
    warm = lab.handler(database.url, names)
    lab.open_all(database, warm, lab.requests(lab.variety.visits(names, REQUESTS)), len(names))
    warm.stop()
    proxy = lab.delay(database, round_trip_ms)
    url = database.url_through(proxy.port)
    seconds = 2 * lab.sizes.seconds

    server = lab.handler(url, names, path=None)
    responses = lab.arrivals("cold instance", database, server, per_second, lab.variety.visits(names, per_second * seconds))
    first_ms = min((r.at_ms + r.latency_ms for r in responses if not r.was_refused), default=seconds * 1000)
    figures = [
        Figure(f"cold instance, {len(names):,} sites, {per_second} a second, {round_trip_ms} ms away: refused in {seconds} s", share_refused(responses), "{:.0%}", aim="≤ 0%"),
        Figure("the same: time to the first 2xx, s", first_ms / 1000, aim="≤ 1"),
    ]

    def lose():
        time.sleep(seconds / 2)
        database.ask("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")

    responses = lab.arrivals("lost connection", database, server, per_second, lab.variety.visits(names, per_second * seconds), meanwhile=lose)
    before, after = halves(responses, seconds)
    figures.append(Figure(f"connections lost at the half of {seconds} s: refused", share_refused(responses), "{:.0%}", aim="≤ 0%"))
    figures.append(Figure("the same: p99 of the second half, times the first half's", percentile(after, 99) / percentile(before, 99)))
    server.stop()

    # The lifetime of a connection can only be set in the example. The connection opens at its start.
    lifetime_s = 4 * lab.sizes.seconds
    server = lab.recorder(url, lifetime_s)
    opened_at = time.monotonic()
    visits = [lab.variety.listed_visit(names[number % len(names)], 0) for number in range(per_second * seconds)]
    lab.arrivals("warm-up", database, server, per_second, visits, may_refuse=True)
    time.sleep(max(0, opened_at + lifetime_s - seconds / 2 - time.monotonic()))
    opened = "select max(backend_start) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    opened_before = database.ask(opened)
    responses = lab.arrivals("renewed connection", database, server, per_second, visits)
    if database.ask(opened) == opened_before:
        lab.problems.append("the connection was not renewed")
    before, after = halves(responses, seconds)
    figures.append(Figure(f"connection renewed at the half of {seconds} s: refused", share_refused(responses), "{:.0%}", aim="≤ 0%"))
    figures.append(Figure("the same: p99 of the second half, times the first half's", percentile(after, 99) / percentile(before, 99), aim="≤ 2"))
    return figures


def halves(responses, seconds):
    is_early = [response.at_ms < seconds * 500 for response in responses]
    before = [response for response, early in zip(responses, is_early) if early]
    return before, [response for response, early in zip(responses, is_early) if not early]
