// The chart: its readout under the pointer and by keyboard, the dates of its bars, the choice of its numbers, and steps that are not
// over.

import { SCRIPT_MODES } from "./support/look.mjs";
import { asJson } from "./support/numbers.mjs";
import { ordinaryLog } from "./support/sample-log.mjs";
import { began, between, date, FIREFOX, firstOf, importLog, lastOf, ORDINARY } from "./support/sites.mjs";
import { check, checkSoon, follow, keepPicture, open, test } from "./support/test.mjs";

/** The day so many days ago, as the tables of charts have it: "Sat 14 Nov". */
const weekday = days => {
  const parts = new Intl.DateTimeFormat("en", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" }).formatToParts(new Date(date(days)));
  return ["weekday", "day", "month"].map(name => parts.find(({ type }) => type === name).value).join(" ");
};

test("readout of a chart", async ({ newPage, origin }) => {
  const page = await newPage();
  await open(page, `${origin}/?site=${ORDINARY}&${between(date(9), date(3))}`);
  const plot = page.locator(".plot").last();
  await plot.scrollIntoViewIfNeeded();
  const box = await plot.boundingBox();
  await page.mouse.move(box.x + box.width - 12, box.y + box.height / 2);
  const readout = () => page.locator("figcaption span").last().textContent();
  const row = await page.locator("figure tbody").last().locator("tr").last().locator("th, td").allTextContents();
  const titles = await page.locator("figure tbody td[title]").evaluateAll(cells => cells.map(({ title }) => title));
  const compared = new RegExp(`^${weekday(16)}, [+−±]\\d+ %$`);
  check("each day has the day it is compared with, and the change", titles.length === 7 && compared.test(titles[0]), [titles, String(compared)]);
  const words = (row, title) => `${row[0]}: Visitors ${row[1]}, Pageviews ${row[2]}, Previous period ${row[3]} (${title})`;
  await checkSoon(
    "the readout shows the day under the pointer",
    async () => (await readout()) === words(row, titles.at(-1)),
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
    async () => (await readout()) === words(second, titles[1]),
    async () => [await readout(), second],
  );
  const live = await page.locator("figcaption span").last().getAttribute("aria-live");
  check("screen readers hear the readout", live === "polite", live);
});

test("a bar opens its dates", async ({ newPage, origin }) => {
  const page = await newPage();
  const plot = page.locator(".plot");
  const opened = () => Object.fromEntries(new URL(page.url()).searchParams);
  /** Clicks in the middle of a bar of the chart. */
  const clickBar = async index => {
    const { x, width } = await page.locator(".plot .y line").first().evaluate(line => line.getBoundingClientRect().toJSON());
    const { y, height } = await plot.boundingBox();
    const count = await page.locator("figure tbody tr").count();
    await Promise.all([page.waitForEvent("load"), page.mouse.click(x + ((index + 0.5) / count) * width, y + height / 2)]);
  };
  const kept = { site: ORDINARY, page: "/blog/", lists: "sources" };
  const query = new URLSearchParams(kept);
  await open(page, `${origin}/?${query}&${between(date(9), date(3))}`);
  await clickBar(2);
  const day = { ...kept, from: date(7), to: date(7) };
  check("a click opens the day, and keeps filter and tab", Object.entries(day).every(([key, value]) => opened()[key] === value), opened());
  const monday = 14 + ((new Date(date(0)).getUTCDay() + 6) % 7);
  await open(page, `${origin}/?${query}&${between(date(monday), date(monday - 12))}&by=week`);
  await plot.focus();
  await page.keyboard.press("End");
  await Promise.all([page.waitForEvent("load"), page.keyboard.press("Enter")]);
  const week = { ...kept, from: date(monday - 7), to: date(monday - 12) };
  check("Enter opens the days of a week", JSON.stringify(opened()) === JSON.stringify(week), opened());
  await open(page, `${origin}/?site=${ORDINARY}&period=12m&by=month`);
  await clickBar(10);
  const month = { site: ORDINARY, from: firstOf(1), to: lastOf(1) };
  check("a click opens a month", JSON.stringify(opened()) === JSON.stringify(month), opened());
  const { cursor } = await plot.evaluate(plot => getComputedStyle(plot));
  check("the pointer shows that a bar can be clicked", cursor === "pointer", cursor);
  // Hours, a single bar and a page in a frame have nothing to open.
  for (const still of [`site=${ORDINARY}&period=today`, `embed&site=${ORDINARY}`]) {
    await open(page, `${origin}/?${still}`);
    await page.evaluate(() => {
      globalThis.stays = true;
    });
    await plot.click();
    await plot.focus();
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    check(`${still}: the page stays`, await page.evaluate(() => globalThis.stays && getComputedStyle(document.querySelector(".plot")).cursor === "auto"));
  }
});

for (const [javaScriptEnabled, mode] of SCRIPT_MODES) {
  test(`choice of visitors or pageviews${mode}`, async ({ newPage, origin }) => {
    const page = await newPage({ javaScriptEnabled });
    await open(page, `${origin}/?site=${ORDINARY}&${between(date(9), date(3))}`);
    const series = (await asJson(page)).series;
    /** The heights of the bars, as shares of the highest. */
    const drawn = async () => {
      const heights = (await page.locator(".plot .bars").first().getAttribute("d")).match(/v-\d+/g).map(bar => Number(bar.slice(2)));
      return heights.map(height => height / Math.max(...heights));
    };
    const areOf = async key => {
      const most = Math.max(...series.map(point => point[key]));
      return (await drawn()).every((share, index) => Math.abs(share - series[index][key] / most) < 0.02);
    };
    check("the chart draws visitors", await areOf("visitors"), await drawn());
    const highlighted = () => page.locator(".numbers .drawn dt").allTextContents();
    check("the number of visitors is highlighted", (await highlighted()).join() === "Unique visitors", await highlighted());
    // A click on the number is one on the link.
    const { x, y, width, height } = await page.locator("[data-range=pageviews]").boundingBox();
    await Promise.all([page.waitForEvent("load"), page.mouse.click(x + width / 2, y + height / 2)]);
    check("the number of pageviews is highlighted", (await highlighted()).join() === "Pageviews", await highlighted());
    check("the link draws pageviews", await areOf("pageviews"), await drawn());
    check("the choice is in the address", new URL(page.url()).searchParams.get("chart") === "pageviews", page.url());
    const name = await page.locator(".plot title").textContent();
    check("the name of the chart is that of its numbers", name.startsWith("Pageviews by day."), name);
    await follow(page, page.locator("[aria-label=Range] a", { hasText: "7 days" }));
    check("another range keeps the choice", (await page.locator(".plot title").textContent()).startsWith("Pageviews"));
    await page.locator(".tabs a").nth(1).click();
    await checkSoon("another tab keeps the choice", async () => {
      const { searchParams } = new URL(await page.evaluate(() => location.href));
      return searchParams.get("lists") === "sources" && searchParams.get("chart") === "pageviews";
    });
    await follow(page, page.getByRole("link", { name: "Unique visitors" }));
    check("the other link leads back", (await page.locator(".plot title").textContent()).startsWith("Visitors"));
  });
}

test("steps that are not over or cut", async ({ newPage, startFresh }) => {
  const from = await startFresh({ fill: settings => importLog(ORDINARY, ordinaryLog(began, 40, 30), settings) });
  const body = JSON.stringify({ s: ORDINARY, p: "/" });
  const { status } = await fetch(`${from}/v`, { method: "POST", headers: { "user-agent": FIREFOX }, body });
  check("today has a visitor", status === 204, status);
  const page = await newPage({ from });
  const labels = () => page.locator("figure tbody th").allTextContents();
  await open(page, `${from}/?site=${ORDINARY}`);
  check("today is not over", (await labels()).at(-1).endsWith(" (so far)"), await labels());
  check("other days are", (await labels()).slice(0, -1).every(label => !label.includes("(")), await labels());
  const part = page.locator(".plot .part");
  const [dashes, bar] = await part.evaluate(path => [getComputedStyle(path).strokeDasharray, path.getAttribute("d")]);
  check("today has a bar of its own, which is dashed", dashes !== "none" && /^M29 0v-\d+$/.test(bar), [dashes, bar]);
  check("the legend explains it", (await page.locator("figcaption p").allTextContents()).includes("Incomplete"));
  // From Saturday to Wednesday: two days of one week, and three of another.
  const saturday = 7 + ((new Date(date(0)).getUTCDay() + 1) % 7);
  await open(page, `${from}/?site=${ORDINARY}&${between(date(saturday + 7), date(saturday + 3))}&by=week`);
  const weeks = (await labels()).map(label => label.replace(/^.* \(/, "("));
  check("cut weeks show their days", weeks.join() === "(2 days),(3 days)", await labels());
  await keepPicture(page, "cut weeks");
});

test("the previous period begins where counting began", async ({ newPage, origin }) => {
  const page = await newPage();
  // Counting began 364 days ago: the last days of the period before these were counted.
  await open(page, `${origin}/?site=${ORDINARY}&${between(date(359), date(350))}`);
  const column = (await page.locator("figure tbody tr").allTextContents()).length;
  const before = await page.locator("figure tbody td:last-child").allTextContents();
  check("days before have no number", before.slice(0, 5).every(cell => cell === "–") && before.length === column, before);
  check("later days have one", before.slice(5).every(cell => /^\d+$/.test(cell)), before);
  check("the line begins there", (await page.locator(".plot .before").getAttribute("d")).startsWith("M5-"));
  check("there is no change", (await page.locator(".numbers :is(.up, .down, .same)").count()) === 0);
});
