// Shortcuts of the keyboard.

import { checkAxe, loadAxe } from "./support/look.mjs";
import { ORDINARY } from "./support/sites.mjs";
import { check, checkSoon, keepPicture, open, test } from "./support/test.mjs";

const KEYS = { d: "today", e: "yesterday", w: "7d", t: "30d", m: "month", p: "last_month", y: "year", l: "12m", a: "all" };
const period = page => new URL(page.url()).searchParams.get("period");
const press = (page, key) => Promise.all([page.waitForEvent("load"), page.keyboard.press(key)]);

test("shortcuts open ranges", async ({ newPage, origin }) => {
  const page = await newPage();
  await open(page, `${origin}/?site=${ORDINARY}`);
  for (const [key, word] of Object.entries(KEYS)) {
    await press(page, key);
    check(`${key} opens ${word}`, period(page) === word, page.url());
    check(`${key}: the site stays`, (await page.locator("h1").textContent()) === ORDINARY);
  }
  await press(page, "w");
  await press(page, "ArrowLeft");
  check("the left arrow opens the previous period", new URL(page.url()).searchParams.has("from"), page.url());
  await press(page, "ArrowRight");
  check("the right arrow opens the next period", new URL(page.url()).searchParams.has("from"), page.url());
  await page.keyboard.press("c");
  await checkSoon("c shows the dates, and focuses the first", () =>
    page.locator("[name=from]").evaluate(input => input === document.activeElement),
  );
});

test("Escape removes filters", async ({ newPage, origin }) => {
  const page = await newPage();
  await open(page, `${origin}/?site=${ORDINARY}&lists=technology&browser=Firefox&device=Phone`);
  await page.keyboard.press("?");
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  const rows = await dialog.locator("div").allTextContents();
  check("the list names the key", rows.includes("Clear allEsc"), rows);
  await page.keyboard.press("Escape");
  check("Escape closes the list first", !(await dialog.isVisible()) && (await page.locator(".chip").count()) === 2);
  await press(page, "Escape");
  check("Escape removes all filters, and keeps the tab", new URL(page.url()).search === `?site=${ORDINARY}&period=30d&lists=technology`, page.url());
  await open(page, `${origin}/?site=${ORDINARY}&page=/blog/`);
  await press(page, "Escape");
  check("Escape removes the only filter", (await page.locator(".chip").count()) === 0, page.url());
});

test("typing and modifiers are not shortcuts", async ({ newPage, origin }) => {
  const page = await newPage();
  await open(page, `${origin}/?site=${ORDINARY}&list=pages`);
  const before = page.url();
  // Each key is handled when `press` returns, and a navigation would have replaced this mark.
  await page.evaluate(() => {
    globalThis.stays = true;
  });
  const search = page.locator("main [type=search]");
  await search.focus();
  for (const key of ["d", "w", "?", "ArrowLeft"]) await page.keyboard.press(key);
  check("the keys are typed", (await search.inputValue()) === "dw?", await search.inputValue());
  await search.blur();
  for (const modifier of ["Alt", "Meta"]) await page.keyboard.press(`${modifier}+d`);
  await page.locator(".plot").focus().catch(() => {});
  await page.keyboard.press("ArrowLeft");
  check("the page stays", page.url() === before && (await page.evaluate(() => globalThis.stays)), page.url());
});

test("the list of shortcuts", async ({ newPage, origin }) => {
  const page = await newPage();
  await open(page, `${origin}/?site=${ORDINARY}`);
  const dialog = page.getByRole("dialog");
  await page.keyboard.press("?");
  await dialog.waitFor();
  const rows = await dialog.locator("div").evaluateAll(rows => rows.map(row => [row.children[1].textContent, row.children[0].textContent].join(" ")));
  const expected = ["D Today", "E Yesterday", "W 7 days", "T 30 days", "M This month", "P Last month", "Y This year", "L 12 months", "A All time", "C Other dates", "← Earlier", "? This list"];
  check("each shortcut is listed with its name", rows.join() === expected.join(), rows);
  await loadAxe(page);
  for (const [width, colorScheme] of [[1440, "light"], [360, "dark"]]) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    await checkAxe(page, `${width} px, ${colorScheme}: axe finds nothing in the list`);
    await keepPicture(page, `shortcuts-${width}-${colorScheme}`);
  }
  // WCAG 2.1.4: shortcuts of a single character can be turned off.
  await dialog.getByRole("checkbox").uncheck();
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.reload();
  const before = page.url();
  await page.evaluate(() => {
    globalThis.stays = true;
  });
  for (const key of ["d", "?"]) await page.keyboard.press(key);
  check("shortcuts stay turned off", page.url() === before && (await page.evaluate(() => globalThis.stays)), page.url());
  check("the list is closed", !(await dialog.isVisible()));
  await page.getByRole("button", { name: "Keyboard shortcuts" }).click();
  await dialog.getByRole("checkbox").check();
  await page.keyboard.press("Escape");
  await press(page, "d");
  check("shortcuts can be turned on again", period(page) === "today", page.url());

  const still = await newPage({ javaScriptEnabled: false });
  await open(still, `${origin}/?site=${ORDINARY}`);
  check("without script, there is no list", !(await still.locator("#keys").isVisible()));
});
