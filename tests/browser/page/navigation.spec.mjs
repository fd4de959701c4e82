// Links of the page: sites, ranges, previous and next periods.

import { SCRIPT_MODES } from "./support/look.mjs";
import { asJson, checkNumbers, days } from "./support/numbers.mjs";
import { began, date, firstOf, lastOf, monthBack, ORDINARY, OWN } from "./support/sites.mjs";
import { check, follow, open, test } from "./support/test.mjs";

test("links", async ({ newPage, origin }) => {
  const page = await newPage();
  await open(page, `${origin}/`);
  check("the page shows the first site", (await page.locator("h1").textContent()) === ORDINARY);
  await follow(page, page.locator("header nav a").last());
  check("the last link opens the own page", (await page.locator("h1").textContent()) === OWN);
  await follow(page, page.locator("header nav a", { hasText: ORDINARY }));
  check("a link opens a site", (await page.locator("h1").textContent()) === ORDINARY);
  for (const link of await page.locator("a[href]").evaluateAll(links => links.map(({ href }) => href))) {
    const { status } = await fetch(link);
    check(`${link.slice(origin.length)} has status 200`, status === 200, status);
  }
  const csv = await (await fetch(await page.getByRole("link", { name: "CSV of everything" }).evaluate(({ href }) => href))).text();
  const { from, to, visitors, pageviews } = (await asJson(page)).range;
  check("a link has the range as CSV", csv.includes(`range,${from}/${to},${visitors},${pageviews}`), csv.slice(0, 400));
  await follow(page, page.locator(".by a", { hasText: "Weeks" }));
  check(
    "a link changes the chart to weeks",
    (await asJson(page)).range.period === "30d" &&
      new URL(page.url()).searchParams.get("by") === "week" &&
      (await page.locator("figure th").first().textContent()) === "Week from",
  );
  await follow(page, page.locator("nav a", { hasText: "7 days" }));
  await follow(page, page.locator("a[rel=prev]"));
  check(
    "7 days lead back to the previous 7 days",
    (await days(page)).join() === [date(13), date(7)].join(),
    await days(page),
  );
  await follow(page, page.locator("a[rel=next]"));
  check(
    "the previous 7 days lead to the last 7 days",
    (await days(page)).join() === [date(6), date(0)].join(),
    await days(page),
  );
  check("the last 7 days have no next period", (await page.locator("a[rel=next]").count()) === 0);
  await follow(page, page.locator("nav a", { hasText: "Last month" }));
  await follow(page, page.locator("a[rel=prev]"));
  check(
    "a month leads back to the previous month",
    (await days(page)).join() === [firstOf(2), lastOf(2)].join(),
    await days(page),
  );
  const name = monthBack(2).toLocaleString("en", { month: "long", year: "numeric", timeZone: "UTC" });
  check("the heading names the month", (await page.locator("#range h2").first().textContent()) === name);
});

/** The days since Monday. */
const daysOfWeek = (new Date(began).getUTCDay() + 6) % 7;
const RANGES = [
  ["Today", "today", date(0), date(0), /^Today, /],
  ["Yesterday", "yesterday", date(1), date(1), /^Yesterday, /],
  ["7 days", "7d", date(6), date(0), /^Last 7 days$/],
  ["30 days", "30d", date(29), date(0), /^Last 30 days$/],
  ["This week", "week", date(daysOfWeek), date(0), /^This week, /],
  ["Last week", "last_week", date(daysOfWeek + 7), date(daysOfWeek + 1), /^Last week, /],
  ["This month", "month", firstOf(0), date(0), /^This month, /],
  ["Last month", "last_month", firstOf(1), lastOf(1), /^Last month, /],
  ["This year", "year", `${new Date(began).getUTCFullYear()}-01-01`, date(0), /^This year, /],
  ["12 months", "12m", firstOf(11), date(0), /^Last 12 months$/],
  ["All time", "all", date(364), date(0), /^All time$/],
];

for (const [javaScriptEnabled, mode] of SCRIPT_MODES) {
  test(`ranges${mode}`, async ({ newPage, origin }) => {
    const page = await newPage({ javaScriptEnabled });
    await open(page, `${origin}/?site=${ORDINARY}`);
    const labels = (await page.locator("[aria-label=Range] a").allTextContents()).join();
    check("each range has a link", labels === RANGES.map(([label]) => label).join(), labels);
    for (const [label, word, first, last, heading] of RANGES) {
      await follow(page, page.getByRole("navigation", { name: "Range" }).getByRole("link", { name: label, exact: true }));
      const found = await page.locator("#range h2").textContent();
      check(`${label}: the heading names the range`, heading.test(found), found);
      check(`${label}: the form shows its days`, (await days(page)).join() === [first, last].join(), await days(page));
      const marked = (await page.locator("[aria-label=Range] [aria-current]").allTextContents()).join();
      check(`${label}: only this link is marked`, marked === label, marked);
      check(`${label}: the site stays`, (await page.locator("h1").textContent()) === ORDINARY);
      const { range } = await asJson(page);
      check(
        `${label}: the JSON response has the same days`,
        range.period === word && range.from === first && range.to === last,
        range,
      );
      await checkNumbers(page, label, range);
    }
  });
}
