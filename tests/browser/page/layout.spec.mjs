// Accessibility, contrast and layout of every view of the page, with and without JavaScript.

import { loadAxe, lookAt, openAndLook, SCRIPT_MODES } from "./support/look.mjs";
import { statistics } from "./support/numbers.mjs";
import { between, date, EMPTY, firstOf, FORMER, HOSTILE, lastOf, LONG, ORDINARY, OWN } from "./support/sites.mjs";
import { check, open, test } from "./support/test.mjs";

const HOSTILE_DAY = between(date(3), date(3));
const VIEWS = {
  "own page": `/?site=${OWN}`,
  today: `/?site=${ORDINARY}&period=today`,
  "30 days": `/?site=${ORDINARY}`,
  "this month": `/?site=${ORDINARY}&period=month`,
  "12 months": `/?site=${ORDINARY}&period=12m`,
  "an earlier day": `/?site=${ORDINARY}&${between(date(12), date(12))}`,
  "two days by the hour": `/?site=${ORDINARY}&${between(date(13), date(12))}`,
  "an earlier month": `/?site=${ORDINARY}&${between(firstOf(3), lastOf(3))}`,
  "a year of weeks": `/?site=${ORDINARY}&${between(date(364), date(0))}&by=week`,
  "a year of days": `/?site=${ORDINARY}&${between(date(364), date(0))}&by=day`,
  "hostile visitors": `/?site=${HOSTILE}&${HOSTILE_DAY}`,
  "one page": `/?site=${ORDINARY}&page=/blog/`,
  "one referrer": `/?site=${HOSTILE}&${HOSTILE_DAY}&referrer=evil.example`,
  "a whole list": `/?site=${ORDINARY}&list=pages`,
  "a whole list, 12 months": `/?site=${ORDINARY}&period=12m&list=channels`,
  "a whole list, hostile visitors": `/?site=${HOSTILE}&${HOSTILE_DAY}&list=pages`,
  "no match": `/?site=${ORDINARY}&list=countries&search=nowhere`,
  "one country": `/?site=${ORDINARY}&country=DE`,
  "one entry page today": `/?site=${ORDINARY}&period=today&entry_page=/blog/`,
  "one robot": `/?site=${ORDINARY}&robot=GPTBot`,
  "a value that never occurred": `/?site=${ORDINARY}&page=/never`,
  "for a frame, one page": `/?embed&site=${ORDINARY}&page=/blog/`,
  "nothing counted yet": `/?site=${EMPTY}`,
  "a long name": `/?site=${LONG}`,
  "for a frame": `/?embed&site=${ORDINARY}`,
  "for a frame, hostile visitors": `/?embed&site=${HOSTILE}&${HOSTILE_DAY}`,
  "for a frame, nothing counted yet": `/?embed&site=${EMPTY}`,
  "a site that was only imported": `/?site=${FORMER}&${HOSTILE_DAY}`,
};

for (const [javaScriptEnabled, mode] of SCRIPT_MODES) {
  for (const [name, address] of Object.entries(VIEWS)) {
    test(`${name}${mode}`, ({ newPage, origin }) =>
      openAndLook(newPage, origin + address, name, { javaScriptEnabled }));
  }
}

test("all details open", ({ newPage, origin }) =>
  openAndLook(newPage, `${origin}/?site=${HOSTILE}&${HOSTILE_DAY}`, "all details open", {
    more: page =>
      page.evaluate(() => {
        for (const details of document.querySelectorAll("details")) details.open = true;
      }),
  }));

test("calendar of the year", async ({ newPage, origin }) => {
  const page = await newPage();
  await open(page, `${origin}/?site=${ORDINARY}`);
  await page.locator("#year summary").click();
  // The key has squares, too.
  const map = page.locator("#year svg").first();
  await map.waitFor();
  const { series } = await statistics(origin, `?site=${ORDINARY}&period=12m&by=day`);
  check("each day has a square", (await map.locator("rect").count()) === series.length, series.length);
  const days = series.map(({ start, visitors }) => [start.slice(0, 10), visitors]);
  const links = await map
    .locator("a")
    .evaluateAll(links =>
      links.map(link => [
        new URL(link.getAttribute("href")).searchParams.get("from"),
        Number(link.querySelector("title").textContent.match(/: ([\d,]+)$/)[1].replaceAll(",", "")),
      ]),
    );
  check("a square shows the day's visitors, and links to the day", JSON.stringify(links) === JSON.stringify(days), [
    links.at(-1),
    days.at(-1),
  ]);
  const classes = await map.locator("rect").evaluateAll(cells => cells.map(cell => cell.getAttribute("class")));
  const sizes = ["l1", "l2", "l3", "l4"].map(name => classes.filter(of => of === name).length);
  check("each class has about as many days", Math.max(...sizes) <= 2 * Math.min(...sizes) && sizes[0] > 0, sizes);
  check("weekdays are named", (await map.locator("text").allTextContents()).slice(0, 4).join() === "Mon,Wed,Fri,Sun");
  const bounds = (await page.locator(".key span").allTextContents()).map(text => text.trim());
  const most = Math.max(...series.map(({ visitors }) => visitors)).toLocaleString("en");
  check("the key begins with no visitors and ends with the most", bounds[0] === "0" && bounds[4].endsWith(`–${most}`), bounds);
  check("the day of the most is a link", bounds[5].startsWith("Highest: "), bounds);
  const square = map.locator("a").last();
  const target = await square.getAttribute("href");
  await loadAxe(page);
  await lookAt(page, "the year");
  await square.click();
  await page.waitForURL(target);
});
