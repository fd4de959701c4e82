// The numbers that the script of the page updates: the headline every minute, the last 30 minutes every ten seconds.

import { rangeNumbers, today } from "./support/numbers.mjs";
import { CHROME, date, FIREFOX, ORDINARY, OWN } from "./support/sites.mjs";
import { check, checkSoon, keepPicture, open, test, until } from "./support/test.mjs";

test("headline numbers", async ({ newPage, startFresh }) => {
  const from = await startFresh();
  const page = await newPage({ from });
  await page.clock.install();
  await open(page, `${from}/?site=${OWN}&period=today`);
  const visitors = await today(page);
  const answered = page.waitForResponse(`${from}/api/statistics?**`);
  // The same query as the page's, because the response to another query can be a second old.
  await fetch(`${from}/?site=${OWN}&period=today`, { headers: { "user-agent": CHROME } });
  await page.clock.runFor(61_000);
  await checkSoon(
    "the headline numbers are updated after a minute",
    async () => (await today(page)) === visitors + 1,
    async () => [visitors, await today(page)],
  );
  const { as_of: asOf, range } = await (await answered).json();
  const line = await rangeNumbers(page);
  check(
    "the numbers of the range, which is today, are updated",
    line.visitors === range.visitors && line.visitors === visitors + 1 && line.pageviews === range.pageviews,
    [line, range],
  );
  check("the time of the update is shown", (await page.locator("time").getAttribute("datetime")) === asOf);
  await page.route("**/api/statistics?**", async route => {
    const response = await route.fetch();
    const numbers = await response.json();
    numbers.visitors.today += 1000;
    Object.assign(numbers.range, { from: date(-1), to: date(-1), visitors: 1, pageviews: 1 });
    await route.fulfill({ response, json: numbers });
  });
  await page.clock.runFor(60_000);
  await until("the headline numbers are updated again", async () => (await today(page)) > 1000);
  check(
    "the numbers of the range stay when today is another day, after midnight",
    (await rangeNumbers(page)).visitors === line.visitors,
  );
});

test("last 30 minutes", async ({ newPage, startFresh }) => {
  const from = await startFresh();
  const page = await newPage({ from });
  let requests = 0;
  page.on("request", request => {
    requests += request.url().includes("/api/live?");
  });
  // Without a first visit, the page shows how to embed the script instead.
  const count = () =>
    fetch(`${from}/v`, {
      method: "POST",
      headers: { "user-agent": FIREFOX },
      body: JSON.stringify({ s: ORDINARY, p: "/" }),
    });
  const counted = async () => (await (await fetch(`${from}/api/live?site=${ORDINARY}`)).json()).pageviews;
  check("a view is counted", (await count()).status === 204);
  await until("the first view is counted", async () => (await counted()) === 1);
  await page.clock.install();
  await open(page, `${from}/?site=${ORDINARY}`);
  const sum = page.locator("#live b");
  await until("the views of the last 30 minutes are shown", async () => (await sum.textContent()) === "1");
  check("another view is counted", (await count()).status === 204);
  await until("the API reports the view", async () => (await counted()) === 2);
  await page.clock.runFor(10_000);
  await checkSoon(
    "the views are updated after ten seconds",
    async () => (await sum.textContent()) === "2",
    () => sum.textContent(),
  );
  const bars = await page.locator("#live path").getAttribute("d");
  check("the minute of the views has a bar", /^M(29|28|27)\.5 24v-(24|12)/.test(bars), bars);
  const label = await page.locator("#live svg").getAttribute("aria-label");
  check("the picture has a name", /^Pageviews by minute\. Highest: [12]$/.test(label), label);
  await page.evaluate(() => Object.defineProperty(document, "hidden", { value: true, configurable: true }));
  const before = requests;
  await page.clock.runFor(60_000);
  check("a hidden page sends no request", requests === before, [before, requests]);
  await page.evaluate(() => {
    delete document.hidden;
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await until("the views are updated at once when the page is shown again", async () => requests === before + 1);
  await page.route("**/api/live?**", async route => {
    const response = await route.fetch();
    const answer = await response.json();
    answer.minutes.at(-1).start = "2099-01-01T00:00:00Z";
    await route.fulfill({ response, json: { ...answer, pageviews: 1234 } });
  });
  await page.clock.runFor(10_000);
  const status = page.locator("#live [role=status]");
  await until(
    "screen readers hear the views once a minute",
    async () => (await status.textContent()) === "Pageviews in the last 30 minutes: 1,234",
  );
  await keepPicture(page, "live");

  const still = await newPage({ from, javaScriptEnabled: false });
  await open(still, `${from}/?site=${ORDINARY}`);
  check("without script, the views of the last 30 minutes are hidden", !(await still.locator("#live").isVisible()));
});
