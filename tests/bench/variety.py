"""Varied requests and log lines: many pages, referrers, campaigns, agents, languages and time zones, few of them often."""

import datetime
import itertools
import json
import random

SEED = 15
PAGES, REFERRERS = 40, 20

AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 OPR/125.0.0.0",
    "Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0",
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
]
ROBOTS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
]
# A language, and a time zone of the same country.
PLACES = [
    ("en-US", "America/New_York"), ("en-US", "America/Los_Angeles"), ("en-GB", "Europe/London"), ("de-DE", "Europe/Berlin"),
    ("fr-FR", "Europe/Paris"), ("es-ES", "Europe/Madrid"), ("pt-BR", "America/Sao_Paulo"), ("ja-JP", "Asia/Tokyo"),
    ("nl-NL", "Europe/Amsterdam"), ("pl-PL", "Europe/Warsaw"), ("it-IT", "Europe/Rome"), ("en-IN", "Asia/Kolkata"),
    ("sv-SE", "Europe/Stockholm"), ("tr-TR", "Europe/Istanbul"), ("ko-KR", "Asia/Seoul"), ("es-MX", "America/Mexico_City"),
    ("en-AU", "Australia/Sydney"), ("cs-CZ", "Europe/Prague"), ("da-DK", "Europe/Copenhagen"), ("uk-UA", "Europe/Kyiv"),
]  # fmt: skip
WINDOWS = ["s", "l", "m"]
CAMPAIGNS = [{"source": source, "medium": medium} for source in ("letter", "news", "partner") for medium in ("email", "cpc")]
WELL_KNOWN_REFERRERS = ["www.google.com", "duckduckgo.com", "www.bing.com", "t.co", "www.reddit.com", "chatgpt.com"]

ADDRESS = "{ADDRESS}"  # The placeholder of the visitor's address, as in varied.lua.


def site_names(count):
    """Short names, because one variable of the environment has room for 128 KB."""
    return [f"s{number}.test" for number in range(count)]


class Choice:
    """Draws from a list by Zipf's law: the second as often as half of the first, and so on."""

    def __init__(self, values):
        self.values = values
        self.weights = list(itertools.accumulate(1 / rank for rank in range(1, len(values) + 1)))

    def draw(self, source):
        return source.choices(self.values, cum_weights=self.weights)[0]


class Variety:
    """Draws what visitors do. Equal seeds draw the same."""

    def __init__(self, seed=SEED):
        self.source = random.Random(seed)
        self.agents, self.places, self.windows = Choice(AGENTS), Choice(PLACES), Choice(WINDOWS)
        self.pages = Choice(["/"] + [f"/articles/{2000 + number}/a-usual-title-{number}" for number in range(1, PAGES)])
        self.referrers = Choice(WELL_KNOWN_REFERRERS + [f"www.blog-{number}.example" for number in range(REFERRERS - 6)])
        self.campaigns = Choice(CAMPAIGNS)

    def one_in(self, number):
        return self.source.random() < 1 / number

    def draw(self, choice):
        return choice.draw(self.source)

    def visit(self, site):
        """A request of the script, with ADDRESS instead of the visitor's address."""
        language, zone = self.draw(self.places)
        message = {"s": site, "p": self.draw(self.pages), "l": language, "z": zone, "w": self.draw(self.windows)}
        if self.one_in(2):
            message["r"] = "https://" + self.draw(self.referrers)
        if self.one_in(10):
            message["c"] = self.draw(self.campaigns)
        body = json.dumps(message, separators=(",", ":"))
        head = [
            "POST /v HTTP/1.1",
            "Host: 127.0.0.1",
            f"User-Agent: {self.draw(self.agents)}",
            "Accept: */*",
            f"Accept-Language: {language},en;q=0.5",
            "Accept-Encoding: gzip, br",
            f"Origin: https://{site}",
            "Content-Type: text/plain",
            f"Content-Length: {len(body)}",
            f"X-Forwarded-For: {ADDRESS}",
        ]
        return "\r\n".join(head) + "\r\n\r\n" + body

    def visits(self, sites, count):
        """As many visits to each site, in random order."""
        chosen = [sites[number % len(sites)] for number in range(count)]
        self.source.shuffle(chosen)
        return [self.visit(site) for site in chosen]

    def page(self, query=""):
        """A request for Footfall's page."""
        head = [
            f"GET /{query} HTTP/1.1",
            "Host: 127.0.0.1",
            f"User-Agent: {self.draw(self.agents)}",
            "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "Accept-Language: " + self.draw(self.places)[0],
            "Accept-Encoding: gzip, br",
            f"X-Forwarded-For: {ADDRESS}",
        ]
        return "\r\n".join(head) + "\r\n\r\n"

    def statistics(self, query):
        """A request of a program for statistics."""
        head = [
            f"GET /api/statistics{query} HTTP/1.1",
            "Host: 127.0.0.1",
            "User-Agent: curl/8.5.0",
            "Accept: */*",
            f"X-Forwarded-For: {ADDRESS}",
        ]
        return "\r\n".join(head) + "\r\n\r\n"

    def listed_visit(self, site, number):
        """A request of the example `recorder`, with values of history.py."""
        head = [
            f"GET /{site}/{number} HTTP/1.1",
            "Host: 127.0.0.1",
            f"User-Agent: {self.draw(self.agents)}",
            f"X-Forwarded-For: {ADDRESS}",
        ]
        return "\r\n".join(head) + "\r\n\r\n"

    def listed_visits(self, sites, count):
        """As many visits to each site, in random order, with as different values as possible."""
        requests = [self.listed_visit(sites[number % len(sites)], number // len(sites)) for number in range(count)]
        self.source.shuffle(requests)
        return requests

    def log(self, file, lines):
        """Writes an access log of yesterday and the two days before, in order. Returns the number of pageviews in it."""
        midnight = datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        began = midnight - datetime.timedelta(days=3)
        pageviews = 0
        for number in range(lines):
            at = began + datetime.timedelta(days=3) * number / lines
            is_robot, is_asset = self.one_in(10), self.one_in(5)
            agent = self.source.choice(ROBOTS) if is_robot else self.draw(self.agents)
            path = "/style.css" if is_asset else self.draw(self.pages)
            referrer = f"https://{self.draw(self.referrers)}/" if self.one_in(2) else "-"
            # A visitor of a day views four pages on average.
            address = address_of(self.source.randrange(lines // 4))
            file.write(f'{address} - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "GET {path} HTTP/1.1" 200 5120 "{referrer}" "{agent}"\n')
            pageviews += not is_robot and not is_asset
        return pageviews


def address_of(visitor):
    """The address of a new visitor, as in load.lua."""
    return f"{11 + (visitor >> 24)}.{visitor >> 16 & 255}.{visitor >> 8 & 255}.{visitor & 255}"


def of_new_visitors(requests, visitors):
    """Complete requests, each of a visitor of its own."""
    first = visitors.use(len(requests))
    return [
        request.replace(ADDRESS, address_of(first + number) + ":4711").encode() for number, request in enumerate(requests)
    ]
