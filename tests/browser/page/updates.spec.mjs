// Updates by the script: the whole page every minute, the last 30 minutes every ten seconds.

import { statistics } from "./support/numbers.mjs";
import { noteShifts } from "./support/shifts.mjs";
import { CHROME, FIREFOX, ORDINARY, OWN } from "./support/sites.mjs";
import { check, checkHidden, checkSoon, isStatus, keepPicture, open, test, until } from "./support/test.mjs";

/** All that the page shows of one reading, in the order of the page. */
const shownParts = page =>
  page.evaluate(() => {
    const text = selector => [...document.querySelectorAll(selector)].map(place => place.textContent.trim());
    return {
      title: document.title,
      numbers: text("[data-range], .numbers dd:last-child"),
      // One bar is always as high as the chart, so its scale is a part of the drawing.
      bars: [...text(".y text"), ...[...document.querySelectorAll("figure path")].map(path => path.getAttribute("d"))],
      table: text("figure tbody td"),
      lists: text(".lists td"),
      totals: text("[data-total] b"),
      updated: text("footer time"),
    };
  });

test("one reading for all parts of the page", async ({ newPage, startFresh }) => {
  const from = await startFresh();
  const view = (path, agent) =>
    fetch(`${from}/v`, {
      method: "POST",
      headers: { "user-agent": agent },
      body: JSON.stringify({ s: ORDINARY, p: path }),
    });
  for (const path of ["/", "/a", "/b"]) check("a view is counted", (await view(path, FIREFOX)).status === 204);
  const page = await newPage({ from });
  await page.clock.install();
  await page.addInitScript(noteShifts, "figcaption span");
  await open(page, `${from}/?site=${ORDINARY}&period=today`);
  const before = await shownParts(page);
  // The state of the reader: an open table, a focused row, a scroll position.
  await page.locator("figure summary").click();
  await page.locator(".lists td a", { hasText: "/a" }).focus();
  await page.evaluate(() => scrollTo(0, 150));
  const state = () =>
    page.evaluate(() => [document.activeElement.textContent, scrollY, document.querySelector("figure details").open]);
  const stateBefore = await state();
  const { length: earlier } = await page.evaluate(() => globalThis.takeShifts());
  check("a view by another visitor is counted", (await view("/a", CHROME)).status === 204);
  const counted = async () => (await (await fetch(`${from}/?site=${ORDINARY}&period=today`)).text()).includes(": 2 unique");
  await until("the new visitor is in the numbers", counted);
  await page.clock.runFor(61_000);
  await until("the page is updated", async () => (await page.title()).includes(": 2 unique visitors"));
  const shown = await shownParts(page);
  for (const part of ["numbers", "bars", "table", "lists", "totals"]) {
    check(`${part} are updated`, JSON.stringify(shown[part]) !== JSON.stringify(before[part]), shown[part]);
  }
  check("the focus, the scroll position and the open table stay", `${await state()}` === `${stateBefore}`, [
    stateBefore,
    await state(),
  ]);
  const shifts = await page.evaluate(() => globalThis.takeShifts());
  check("nothing moves", shifts.length === earlier, shifts.slice(earlier));
  // The same page, loaded as a whole.
  const again = await newPage({ from });
  await open(again, `${from}/?site=${ORDINARY}&period=today`);
  const { updated: _, ...whole } = await shownParts(again);
  const { updated, ...parts } = shown;
  check("all parts are those of one page", JSON.stringify(parts) === JSON.stringify(whole), [parts, whole]);
  check("the time of the update is shown", updated.length === 1 && updated[0] !== "", updated);
});

test("updates count no visit, and a stale page stays", async ({ newPage, startFresh }) => {
  const from = await startFresh();
  const page = await newPage({ from, expected: isStatus(503) });
  await page.clock.install();
  await open(page, `${from}/?site=${OWN}&period=today`);
  const views = async () => (await statistics(from, `?site=${OWN}&period=today&lists=none`)).range.pageviews;
  check("the page counts its own visit", (await views()) === 1, await views());
  const loaded = page.waitForResponse(`${from}/?site=${OWN}&period=today`);
  await page.clock.runFor(61_000);
  await (await loaded).finished();
  check("an update is not a visit", (await views()) === 1, await views());
  await page.route(/[?]site=.*&period=today/, route =>
    route.fulfill({ status: 503, contentType: "text/html", body: "<title>x</title><main></main><footer></footer>" }),
  );
  const refused = page.waitForResponse(`${from}/?site=${OWN}&period=today`);
  await page.clock.runFor(60_000);
  await (await refused).finished();
  check("an unavailable page changes nothing", (await page.locator("[data-range]").count()) > 0);
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
  await checkHidden(page, () => requests);
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
