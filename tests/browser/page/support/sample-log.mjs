// Access logs from a formula: the same day gives the same log, so a finding can be reproduced. The addresses are from
// ranges that are reserved for documentation (RFC 5737, RFC 3849), and the names end with .example or example.com.

const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

const USER_AGENTS = [
  FIREFOX,
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
  "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
];
const ROBOTS = ["ExampleBot/1.0 (+https://bot.example/about)", "curl/8.5.0", "-"];

// Each path with its share of the views.
const PAGES = Object.entries({
  "/": 30,
  "/blog/": 14,
  "/blog/counting-without-cookies": 13,
  "/docs/": 11,
  "/docs/getting-started": 10,
  "/pricing": 8,
  "/blog/a-year-of-weekly-releases": 6,
  "/about": 5,
  "/docs/import": 4,
  "/docs/privacy": 4,
  "/contact": 3,
  "/blog/why-postgresql": 3,
  "/docs/time-zones": 2,
  "/jobs": 2,
  "/imprint": 1,
  "/blog/page/2": 1,
  "/docs/faq": 1,
});
const REFERRERS = Object.entries({
  "-": 50,
  "https://search.example/?q=visitors": 26,
  "https://news.example/item/7": 12,
  "https://social.example/@somebody/1": 8,
  "https://wiki.example/Web_counter": 4,
  "https://lists.example/2026/": 3,
  "https://friends.example/links": 2,
  "android-app://com.example.reader/": 1,
});
// The queries of links in newsletters.
const CAMPAIGNS = ["spring", "autumn"].map(name => `?utm_source=letter&utm_medium=email&utm_campaign=${name}`);
// Shares of the visitors by hour of the day, and by day of the week (Sunday first).
const HOURS = [2, 1, 1, 1, 2, 3, 5, 9, 14, 18, 20, 19, 16, 18, 19, 18, 16, 14, 13, 14, 13, 10, 7, 4];
const WEEKDAYS = [0.55, 1, 1.12, 1.08, 1.02, 0.9, 0.6];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY = 24 * 60 * 60 * 1000;

/** Marsaglia's xorshift: numbers from 0 to 1 that are the same in every version of Node. */
function numbers(seed) {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function choose(next, weighted) {
  let rest = next() * weighted.reduce((sum, [, weight]) => sum + weight, 0);
  return weighted.find(([, weight]) => (rest -= weight) < 0)?.[0] ?? weighted[0][0];
}

function line(address, at, target, referrer, userAgent) {
  const time = new Date(at).toISOString();
  const date = `${time.slice(8, 10)}/${MONTHS[Number(time.slice(5, 7)) - 1]}/${time.slice(0, 4)}`;
  return `${address} - - [${date}:${time.slice(11, 19)} +0000] "GET ${target} HTTP/1.1" 200 5120 "${referrer}" "${userAgent}"\n`;
}

/**
 * A log of an ordinary site that has slowly grown: `days` days that end at `now`, with about `visitors` visitors on the
 * last of them.
 */
export function ordinaryLog(now, days, visitors) {
  const today = Math.floor(now / DAY);
  const lines = [];
  for (let day = today - days + 1; day <= today; day++) {
    const next = numbers(day * 7919);
    for (let skipped = 0; skipped < 8; skipped++) next(); // The first numbers resemble the seed.
    const growth = 0.35 + 0.65 * ((day - today + days) / days) ** 2;
    const weekday = WEEKDAYS[new Date(day * DAY).getUTCDay()];
    const article = (day - today + 400) % 23 === 3 ? 1.8 : 1; // Sometimes another site links here.
    const count = Math.round(visitors * growth * weekday * article * (0.92 + 0.16 * next()));
    for (let visitor = 0; visitor < count; visitor++) {
      const address =
        next() < 0.35
          ? `2001:db8:${Math.floor(next() * 4096).toString(16)}:${Math.floor(next() * 65536).toString(16)}::1`
          : `${["192.0.2", "198.51.100", "203.0.113"][Math.floor(next() * 3)]}.${1 + Math.floor(next() * 254)}`;
      const userAgent = USER_AGENTS[Math.floor(next() * USER_AGENTS.length)];
      const hour = Number(
        choose(
          next,
          HOURS.map((weight, index) => [index, weight]),
        ),
      );
      // The first visitors of the last day come as it begins, so that it has some at any time.
      const time = (hour + next()) * 60 * 60 * 1000;
      let at = day * DAY + (day === today && visitor < 3 ? visitor * 1000 : time);
      let referrer = choose(next, REFERRERS);
      let query = visitor % 20 === 0 ? CAMPAIGNS[day % 2] : "";
      for (let views = 1 + Math.floor(next() ** 2 * 5); views > 0; views--) {
        lines.push([at, address, choose(next, PAGES) + query, referrer, userAgent]);
        query = "";
        referrer = "https://www.example.com/";
        at += 20_000 + next() * 90_000;
      }
    }
    for (let robot = 0; robot < count / 8; robot++) {
      const at = day * DAY + next() * DAY;
      lines.push([at, "192.0.2.99", choose(next, PAGES), "-", ROBOTS[Math.floor(next() * ROBOTS.length)]]);
    }
  }
  lines.sort(([a], [b]) => a - b);
  return lines
    .filter(([at]) => at <= now)
    .map(([at, address, path, referrer, userAgent]) => line(address, at, path, referrer, userAgent))
    .join("");
}

/** Paths from hostile or broken clients: the text in the page, and the text in the log. */
export const HOSTILE_PATHS = [
  ...[
    "/<script>globalThis.harmed=1</script>",
    "/<img/src=x/onerror=globalThis.harmed=1>",
    "/</bdi></table></main><h1>Hacked</h1>",
    "/<svg/onload=globalThis.harmed=1>",
    "/<style>*{display:none}</style>",
    "/<a/href=//evil.example>click</a>",
    "/&lt;b&gt;/&quot",
    "/{{site}}{{{style}}}{{>head}}",
    "/'onmouseover='globalThis.harmed=1",
    "/=HYPERLINK(1)",
    "/\u0627\u0644\u0635\u0641\u062D\u0629/\u65E5\u672C\u8A9E/\u{1F6B6}",
    "/" + "wwwww".repeat(15),
  ].map(shown => ({ shown, logged: shown })),
  { shown: '/"onmouseover="globalThis.harmed=1', logged: '/\\"onmouseover=\\"globalThis.harmed=1' },
  { shown: "/<b>harmed</b>", logged: "/%3Cb%3Eharmed%3C/b%3E" },
  // Characters that change the direction of writing can make a path look like another path.
  { shown: "/%E2%80%AEfdp.exe%E2%81%A6", logged: "/\u202Efdp.exe\u2066" },
  { shown: "/back/slash", logged: "/back\\\\slash" },
];

/** Invalid hosts, one valid host, and one host of the maximum length. */
export const HOSTILE_REFERRERS = [
  "https://<script>globalThis.harmed=1</script>/",
  "javascript://alert(1)",
  "data:text/html,<script>globalThis.harmed=1</script>",
  "https://evil.example/<script>globalThis.harmed=1</script>?token=secret",
  "https://user:secret@evil.example/",
  `https://${Array.from({ length: 4 }, () => "w".repeat(59)).join(".")}.example/`,
];

/** A log with these paths and referrers on one day. Each path has one visitor more than the next path. */
export function hostileLog(day) {
  let at = day * DAY + 9 * 60 * 60 * 1000;
  const lines = HOSTILE_PATHS.flatMap(({ logged }, index) =>
    Array.from({ length: HOSTILE_PATHS.length - index }, (_, visitor) =>
      line(
        `198.51.100.${1 + visitor}`,
        (at += 1000),
        logged,
        HOSTILE_REFERRERS[visitor % HOSTILE_REFERRERS.length],
        FIREFOX,
      ),
    ),
  );
  lines.push(line("198.51.100.200", at, "/", "-", "<script>globalThis.harmed=1</script>"));
  return lines.join("");
}
