// The form for two days, and queries that are rejected.

import { SCRIPT_MODES } from "./support/look.mjs";
import { asJson, checkNumbers, days, rangeNumbers } from "./support/numbers.mjs";
import { began, between, date, DAY, ORDINARY } from "./support/sites.mjs";
import { check, isStatus, open, test } from "./support/test.mjs";

for (const [javaScriptEnabled, mode] of SCRIPT_MODES) {
  test(`form${mode}`, async ({ newPage, origin }) => {
    const page = await newPage({
      javaScriptEnabled,
      expected: (text, url) => isStatus(400)(text) || url === `${origin}/favicon.ico`,
    });
    await open(page, `${origin}/?site=${ORDINARY}`);
    const fill = async (from, to) => {
      if (!(await page.locator(".dates form").isVisible())) await page.locator(".dates summary").click();
      await page.locator("[name=from]").fill(from);
      await page.locator("[name=to]").fill(to);
    };
    await fill(date(20), date(10));
    await page.getByRole("button", { name: "Apply" }).click();
    await page.waitForURL(/from=/);
    check(
      "two days lead to their range",
      page.url() === `${origin}/?site=${ORDINARY}&${between(date(20), date(10))}`,
      page.url(),
    );
    const words = days => new Date(began - days * DAY).toLocaleString("en-GB", { dateStyle: "long", timeZone: "UTC" });
    const heading = await page.locator("#range h2").first().textContent();
    check("the heading names the range", heading === `${words(20)} to ${words(10)}`, heading);
    check("the form keeps the days", (await days(page)).join() === [date(20), date(10)].join());
    check("no link is marked", (await page.locator("[aria-label=Range] [aria-current]").count()) === 0);
    check(
      "the numbers of the range are in view",
      await page.locator(".numbers").evaluate(numbers => numbers.getBoundingClientRect().bottom < innerHeight),
    );
    const { range } = await asJson(page);
    check(
      "the JSON response has the same days",
      range.period === null && range.from === date(20) && range.to === date(10),
      range,
    );
    await checkNumbers(page, "11 days", range);
    await fill(date(2), date(2));
    await page.locator("[name=to]").press("Enter");
    await page.waitForURL(/from=(.*)&to=\1/);
    check(
      "one day is a range, and Enter sends the form",
      (await asJson(page)).range.daily_visitors === (await rangeNumbers(page)).visitors,
    );
    await fill(date(5), date(8));
    const before = page.url();
    if (javaScriptEnabled) {
      await page.getByRole("button", { name: "Apply" }).click();
      check(
        "the form does not send a range that ends before it begins",
        page.url() === before && (await page.locator("[name=to]").evaluate(input => input.matches(":invalid"))),
        page.url(),
      );
      await fill(date(8), date(5));
      await page.getByRole("button", { name: "Apply" }).click();
      await page.waitForURL(url => url.href !== before);
      check("the form sends the corrected range", (await days(page)).join() === [date(8), date(5)].join());
    } else {
      const [response] = await Promise.all([page.waitForResponse(/from=/), page.getByRole("button", { name: "Apply" }).click()]);
      check("the handler rejects a range that ends before it begins", response.status() === 400, response.status());
    }
  });
}

const REJECTED = [
  [between(date(5), date(8)), "'from' must not be later than 'to'"],
  [between("2026-02-30", date(0)), "'from' is '2026-02-30', but must be a date"],
  [`to=${date(3)}`, "'to' needs a 'from'"],
  [`period=7d&from=${date(3)}`, "not both"],
  ["period=fortnight", "'period' must be today, yesterday"],
  [between("1990-01-01", date(0)), "more than 3660 days"],
  [`${between(date(500), date(0))}&by=day`, "more than 400 points"],
  ["by=minute", "'by' must be"],
];

test("rejected queries", async ({ origin }) => {
  for (const [query, reason] of REJECTED) {
    for (const path of ["/", "/api/statistics"]) {
      const response = await fetch(`${origin}${path}?${query}`);
      const problem = await response.json();
      check(
        `${path}?${query} is rejected with the reason`,
        response.status === 400 &&
          problem.status === 400 &&
          response.headers.get("content-type") === "application/problem+json" &&
          problem.detail.includes(reason),
        problem,
      );
    }
  }
});
