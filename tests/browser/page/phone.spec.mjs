// The page on a phone: the first screen, and touch.

import { between, date, ORDINARY } from "./support/sites.mjs";
import { check, checkSoon, keepPicture, open, test } from "./support/test.mjs";

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const RANGES = "[aria-label=Range] a";

test("first screen of a phone", async ({ newPage, origin }) => {
  const page = await newPage(PHONE);
  for (const query of ["", "&period=today", "&period=all", `&${between(date(9), date(3))}`]) {
    await open(page, `${origin}/?site=${ORDINARY}${query}`);
    const { bottom } = await page.locator(".plot").evaluate(plot => plot.getBoundingClientRect().toJSON());
    check(`${query}: the chart is on the first screen`, bottom <= PHONE.viewport.height, bottom);
    const tops = await page.locator(RANGES).evaluateAll(links => links.map(link => link.getBoundingClientRect().top));
    check(`${query}: the ranges are in one line`, new Set(tops).size === 1, tops);
    const current = page.locator(`${RANGES}[aria-current]`);
    if ((await current.count()) > 0) {
      const { left, right } = await current.evaluate(link => link.getBoundingClientRect().toJSON());
      check(`${query}: the range of the page is in view`, left >= 0 && right <= PHONE.viewport.width, [left, right]);
    }
    const form = page.locator(".dates form");
    check(`${query}: the dates are hidden`, !(await form.isVisible()));
    await keepPicture(page, `phone ${query}`);
  }
  await page.locator(".dates summary").tap();
  await checkSoon("a tap shows the dates", () => page.locator(".dates form").isVisible());
});

test("a tap keeps its readout", async ({ newPage, origin }) => {
  const page = await newPage(PHONE);
  await open(page, `${origin}/?site=${ORDINARY}&${between(date(9), date(3))}`);
  const readout = page.locator("figcaption span");
  // The events of one tap, in their order: all of them have been handled when the last one is heard.
  await page.evaluate(() => {
    globalThis.lifted = new Promise(resolve => {
      document.querySelector(".plot").addEventListener("click", resolve, { once: true });
    });
  });
  await page.locator(".plot").tap();
  await page.evaluate(() => globalThis.lifted);
  const shown = await readout.textContent();
  check("the readout stays when the finger is lifted", /: Visitors \d/.test(shown), shown);
  await keepPicture(page, "tap");
  const [from] = shown.split(":");
  await Promise.all([page.waitForEvent("load"), page.locator(".plot").tap()]);
  const heading = await page.locator("#range h2").textContent();
  check("a second tap opens the day", heading.includes(from.split(" ")[1]) && new URL(page.url()).searchParams.get("by") === null, [heading, from]);
});
