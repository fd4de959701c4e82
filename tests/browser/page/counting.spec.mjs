// Visits to the page are counted, and the first visit to a site appears.

import { openAndLook } from "./support/look.mjs";
import { statistics, today, viewsToday } from "./support/numbers.mjs";
import { CHROME, EMPTY, FIREFOX, OWN, SAFARI } from "./support/sites.mjs";
import { check, follow, open, test } from "./support/test.mjs";

test("a visitor sees the own visit counted", async ({ newPage, startFresh }) => {
  const from = await startFresh();
  const page = await newPage({ from, userAgent: CHROME });
  const before = await statistics(from);
  await open(page, `${from}/?site=${OWN}`);
  check("a new visitor is one more than before", (await today(page)) === before.visitors.today + 1, [
    before.visitors.today,
    await today(page),
  ]);
  const [visitors, views] = [await today(page), await viewsToday(page)];
  await page.reload();
  check("a reload adds no visitor", (await today(page)) === visitors, [visitors, await today(page)]);
  check("a reload adds a pageview", (await viewsToday(page)) === views + 1, [views, await viewsToday(page)]);

  const again = await newPage({ from, userAgent: CHROME });
  await open(again, `${from}/?site=${OWN}&period=7d`);
  check("the same browser with an empty profile is the same visitor", (await today(again)) === visitors);
  check("no cookie is set", (await again.context().cookies()).length === 0);

  const other = await newPage({ from, userAgent: SAFARI });
  await open(other, `${from}/?site=${OWN}`);
  check("another browser is another visitor", (await today(other)) === visitors + 1, [visitors, await today(other)]);

  const robot = await newPage({ from, userAgent: undefined });
  const excluded = async () => Number(await robot.locator(".excluded dd").first().textContent());
  await open(robot, `${from}/?site=${OWN}`);
  const bots = await excluded();
  await robot.reload();
  check(
    "headless Chromium with its own User-Agent is no visitor",
    (await today(robot)) === visitors + 1,
    await today(robot),
  );
  check("headless Chromium is listed among the bots", (await excluded()) === bots + 1, [bots, await excluded()]);
});

test("first visit to a site", async ({ newPage, startFresh }) => {
  const from = await startFresh();
  const page = await newPage({ from, permissions: ["clipboard-read", "clipboard-write"] });
  await open(page, `${from}/?site=${EMPTY}`);
  const line = `<script defer data-site="${EMPTY}" src="https://${OWN}/footfall.js"></script>`;
  check("the page shows the line to embed", (await page.locator("pre").textContent()) === line);
  await page.locator("button").click();
  await page.locator("button", { hasText: "Copied" }).waitFor();
  check("the button copies the line", (await page.evaluate(() => navigator.clipboard.readText())) === line);
  const { status } = await fetch(`${from}/v`, {
    method: "POST",
    headers: { "user-agent": FIREFOX },
    body: JSON.stringify({ s: EMPTY, p: "/" }),
  });
  check("a visit is counted", status === 204, status);
  await page.locator("h2", { hasText: "First visit received. Visitors today: 1" }).waitFor();
  await follow(page, page.locator("a", { hasText: "Show statistics" }));
  check("the page shows one visitor", (await page.locator("[data-range=visitors]").textContent()) === "1");
});

test("own page alone", async ({ newPage, startFresh }) => {
  const from = await startFresh({ settings: { FOOTFALL_SITES: "" } });
  await openAndLook(newPage, `${from}/`, "own page alone", {
    from,
    more: async page => {
      const waiting = await page.locator(".waiting").innerText();
      check(
        "the page shows how to count a website, and until when the time zone can change",
        /FOOTFALL_SITES=example\.com[^]*data-site="example\.com"[^]*fixed with the second visitor\./.test(waiting),
        waiting,
      );
      check("the own visit is counted", (await today(page)) === 1, await today(page));
    },
  });
  const page = await newPage({ from });
  await page.clock.install();
  await open(page, `${from}/`);
  const other = await newPage({ from, userAgent: SAFARI });
  await open(other, `${from}/`);
  check("the second visitor sees numbers only", (await other.locator(".waiting").count()) === 0);
  const reloaded = page.waitForEvent("load");
  await page.clock.runFor(61_000);
  await reloaded;
  check("the open page of the first one changes, too", (await page.locator(".waiting").count()) === 0);
  check("its numbers stay", (await page.locator("#range figure").count()) === 1 && (await today(page)) === 2);
});
