// The page in other languages than English: no English text is left, and numbers, names and links follow the language.

import { readFileSync } from "node:fs";
import { loadAxe, lookAt, openAndLook, SCRIPT_MODES } from "./support/look.mjs";
import { asJson } from "./support/numbers.mjs";
import { EMPTY, ORDINARY, OWN, TOKEN } from "./support/sites.mjs";
import { check, checkSoon, follow, isStatus, keepPicture, open, test } from "./support/test.mjs";

const GERMAN = { locale: "de-DE" };

const texts = language =>
  JSON.parse(readFileSync(new URL(`../../../handler/texts/${language}.json`, import.meta.url), "utf8"));

/** All texts of a file, in one list. */
const flat = value => (typeof value === "string" ? [value] : Object.values(value).flatMap(flat));

/** The parts of English texts between placeholders that no German text has. Short words can be parts of German ones. */
const allGerman = flat(texts("de")).join("\n");
const english = flat(texts("en"))
  .flatMap(text => text.split(/\{\w+\}|%-?\w/))
  .map(part => part.trim())
  .filter(part => part.length > 5 && !allGerman.includes(part));

/** The English texts on a page: visible or hidden text, and attributes that people read. */
const englishOn = page =>
  page.evaluate(parts => {
    const read = ["title", "aria-label", "placeholder"];
    const attributes = [...document.querySelectorAll("*")].flatMap(element =>
      read.map(name => element.getAttribute(name) ?? ""),
    );
    const shown = [document.title, document.body.textContent, ...attributes].join("\n");
    const escaped = part => part.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
    const isWhole = part => new RegExp(String.raw`(?<!\p{L})${escaped(part)}(?!\p{L})`, "u").test(shown);
    return parts.filter(isWhole);
  }, english);

async function checkGerman(page, what) {
  const found = await englishOn(page);
  check(`${what}: no English text is left`, found.length === 0, found);
  check(`${what}: the page names its language`, (await page.locator("html").getAttribute("lang")) === "de");
}

test("the check finds English", async ({ newPage, origin }) => {
  const page = await newPage();
  await open(page, `${origin}/?site=${ORDINARY}`);
  const found = await englishOn(page);
  check("an English page has many English texts", found.length > 30, found);
});

for (const [javaScriptEnabled, mode] of SCRIPT_MODES) {
  test(`German page${mode}`, async ({ newPage, origin }) => {
    const german = options => newPage({ ...GERMAN, ...options });
    await openAndLook(german, `${origin}/?site=${ORDINARY}`, "German", {
      javaScriptEnabled,
      more: async page => {
        await page.locator(".dates summary").click();
        await checkGerman(page, "page");
        const number = await page.locator("[data-range=pageviews]").textContent();
        const { range } = await asJson(page);
        check("numbers have the form of the language", number === range.pageviews.toLocaleString("de"), number);
        const ratio = await page.locator("[data-range=views_per_visitor]").textContent();
        check("decimals have the form of the language", /^\d+,\d$/.test(ratio), ratio);
        await page.locator(".dates summary").click();
      },
    });
  });
}

test("German lists", async ({ newPage, origin }) => {
  const page = await newPage(GERMAN);
  for (const group of ["sources", "locations", "technology", "robots"]) {
    await open(page, `${origin}/?site=${ORDINARY}&period=30d&lists=${group}`);
    await checkGerman(page, group);
    await keepPicture(page, `German, ${group}`);
  }
});

test("German names of countries and languages", async ({ newPage, startFresh }) => {
  const from = await startFresh();
  // The page counts its own visit, with the country and the language of the browser.
  const page = await newPage({ ...GERMAN, from });
  await open(page, `${from}/?site=${OWN}&period=today&lists=locations`);
  const names = await page.locator("[data-names] bdi").allTextContents();
  check("names replace codes", names.join() === "Deutschland,Deutsch", names);
  await checkGerman(page, "locations");
});

test("German texts of the script", async ({ newPage, origin }) => {
  const page = await newPage(GERMAN);
  await open(page, `${origin}/?site=${ORDINARY}`);
  await page.locator(".plot").focus();
  await page.keyboard.press("ArrowLeft");
  await page.locator("#year summary").click();
  await page.locator("svg.year a").first().waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  await checkSoon("the last 30 minutes are shown", async () => (await page.locator("#live svg").getAttribute("aria-label")) !== null);
  await checkGerman(page, "script");
  const label = await page.locator("#live svg").getAttribute("aria-label");
  check("the bars of the last 30 minutes have a German name", label.startsWith("Seitenaufrufe nach Minute."), label);
  const days = await page.locator("svg.year > text").allTextContents();
  check("the weekdays are German", ["Mo", "Mi", "Fr", "So"].every((day, index) => days[index] === day), days);
  const title = await page.locator("svg.year a title").first().textContent();
  check("the days of the year are German", /^\p{L}+, \d+\. \p{L}+ \d{4}: /u.test(title), title);
  await loadAxe(page);
  await lookAt(page, "German, dialog");
});

test("German overview, waiting page and pages of problems", async ({ newPage, origin, startHandler }) => {
  const page = await newPage({ ...GERMAN, expected: isStatus(404, 400) });
  for (const [path, status, name] of [
    ["/api/sites", 200, "overview"],
    [`/?site=${EMPTY}`, 200, "waiting"],
    ["/no/such/page", 404, "unknown address"],
    [`/?site=${ORDINARY}&period=never`, 400, "bad range"],
    ["/me/why", 200, "why"],
  ]) {
    await open(page, origin + path, status);
    await checkGerman(page, name);
    await keepPicture(page, `German, ${name}`);
  }
  const from = await startHandler({ FOOTFALL_DASHBOARD_TOKEN: TOKEN });
  const isFavicon = (text, url) => isStatus(401)(text) || url === `${from}/favicon.ico`;
  const signIn = await newPage({ ...GERMAN, from, expected: isFavicon });
  await open(signIn, `${from}/?site=${ORDINARY}`, 401);
  await checkGerman(signIn, "sign-in");
  await openAndLook(options => newPage({ ...GERMAN, ...options }), `${origin}/api/sites`, "German, overview");
});

test("links keep the language of the address", async ({ newPage, origin }) => {
  const page = await newPage();
  await open(page, `${origin}/?site=${ORDINARY}&lang=de`);
  await checkGerman(page, "lang=de");
  await follow(page, page.getByRole("link", { name: "7 Tage" }));
  await checkGerman(page, "another range");
  await follow(page, page.locator(".brand a"));
  await checkGerman(page, "overview");
  await follow(page, page.getByRole("link", { name: ORDINARY }));
  await checkGerman(page, "back to the site");
});
