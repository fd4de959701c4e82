// The chart: its readout under the pointer and by keyboard.

import { between, date, ORDINARY } from "./support/sites.mjs";
import { check, checkSoon, keepPicture, open, test } from "./support/test.mjs";

test("readout of a chart", async ({ newPage, origin }) => {
  const page = await newPage();
  await open(page, `${origin}/?site=${ORDINARY}&${between(date(9), date(3))}`);
  const plot = page.locator(".plot").last();
  await plot.scrollIntoViewIfNeeded();
  const box = await plot.boundingBox();
  await page.mouse.move(box.x + box.width - 12, box.y + box.height / 2);
  const readout = () => page.locator("figcaption span").last().textContent();
  const row = await page.locator("figure tbody").last().locator("tr").last().locator("th, td").allTextContents();
  const words = row => `${row[0]}: Visitors ${row[1]}, Pageviews ${row[2]}, Previous period ${row[3]}`;
  await checkSoon(
    "the readout shows the day under the pointer",
    async () => (await readout()) === words(row),
    async () => [await readout(), row],
  );
  await keepPicture(page, "readout");
  await page.mouse.move(0, 0);
  await checkSoon("the readout is empty when the pointer leaves", async () => (await readout()) === "", readout);
  await plot.focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  const second = await page.locator("figure tbody tr").nth(1).locator("th, td").allTextContents();
  await checkSoon(
    "the arrow keys move the readout",
    async () => (await readout()) === words(second),
    async () => [await readout(), second],
  );
  const live = await page.locator("figcaption span").last().getAttribute("aria-live");
  check("screen readers hear the readout", live === "polite", live);
});
