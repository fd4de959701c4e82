// Opens the page of a running handler in Chromium and looks for what tests of its HTML can't find: see tests/browser/check-page,
// which starts this with a database. The handler is the real one; only the way to its database leads through this process,
// so that the database can be away and come back. It is long because the checks follow each other in one browser on one site's
// data: divided, each part would have to make both again.
//
// Environment: HANDLER, DATABASE_URL, CHROMIUM. Arguments: --screenshots FOLDER takes the two pictures of the documentation
// instead of checking; --gallery FOLDER checks, and keeps a picture of every page that was checked.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, get } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import axe from "axe-core";
import { chromium } from "playwright-core";
import { about, atOnce, check, checkSoon, notAcrossMidnight, summarize, until } from "./findings.mjs";
import { startHandler as start, stopHandlers } from "./handler.mjs";
import { HOSTILE_PATHS, HOSTILE_REFERRERS, hostileLog, ordinaryLog } from "./sample-log.mjs";

const { values: options } = parseArgs({ options: { screenshots: { type: "string" }, gallery: { type: "string" } } });
const { HANDLER = "target/debug/handler", DATABASE_URL, CHROMIUM = "/usr/bin/chromium" } = process.env;

const OWN = "footfall.example.com";
const ORDINARY = "www.example.com";
const HOSTILE = "hostile.example.com";
const EMPTY = "new.example.com";
const LONG = `${"a-name-as-long-as-a-label-of-a-host-name-may-be-".padEnd(63, "x")}.example.com`;
/** Imported, but in no list of sites. */
const FORMER = "former.example.com";
const TOKEN = "a-token-made-up-for-this-check";

// Headless Chromium says that it is headless, and so is counted among the robots.
const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
const SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15";

const WIDTHS = [360, 768, 1440];
const PHONE = 390;
/** Four times the ordinary size of letters in a window of 1280 pixels (WCAG 1.4.10). */
const NARROWEST = 320;
const SCHEMES = ["light", "dark"];
/** Without loading everything once more, which axe does for the one rule about sound and video: there is none. */
const RULES = { preload: false, runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] };
/** Those of them whose answer depends on colours, which is all that another scheme changes. */
const COLOUR_RULES = { preload: false, runOnly: { type: "rule", values: ["color-contrast", "link-in-text-block"] } };

/** How many checks look at once, where nothing is counted or taken away: as many as a small machine has cores. */
const AT_ONCE = 2;

await notAcrossMidnight(30);
const DAY = 24 * 60 * 60 * 1000;
const began = Date.now();
const date = days => new Date(began - days * DAY).toISOString().slice(0, 10);
/** The first day of the month that lies so many months back. */
const monthBack = months => new Date(Date.UTC(new Date(began).getUTCFullYear(), new Date(began).getUTCMonth() - months, 1));
const firstOf = months => monthBack(months).toISOString().slice(0, 10);
const lastOf = months => new Date(monthBack(months - 1) - DAY).toISOString().slice(0, 10);
const between = (from, to) => `from=${from}&to=${to}`;
/** The largest page before it is compressed, and the largest ordinary page as it is sent, in bytes. */
const LARGEST = 48_000;
const LARGEST_SENT = 11_000;

// What is running

/** The way to the database. While it is closed, connections end as if the server had been stopped. */
async function databaseGate() {
  const target = new URL(DATABASE_URL);
  const sockets = new Set();
  let open = true;
  const server = createServer(client => {
    if (!open) return client.destroy();
    const database = connect(Number(target.port || 5432), target.hostname);
    for (const [socket, other] of [[client, database], [database, client]]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.pipe(other);
      socket.on("error", () => {});
      socket.on("close", () => { sockets.delete(socket); other.destroy(); });
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = new URL(DATABASE_URL);
  url.port = server.address().port;
  return {
    url: url.href,
    shut() { open = false; for (const socket of sockets) socket.destroy(); },
    reopen() { open = true; },
    end() { this.shut(); server.close(); },
  };
}

/** What the handler reads, and nothing that happens to be set where this is run. */
function environment(more) {
  const { PATH, HOME } = process.env;
  return {
    PATH, HOME, WEBSITE_HOSTNAME: OWN, FOOTFALL_SITES: [ORDINARY, HOSTILE, EMPTY, LONG].join(","), FOOTFALL_LOG: "warn",
    // All that is asked here comes from one network.
    FOOTFALL_RATE_LIMIT: "off", ...more,
  };
}

process.stdout.on("error", () => process.exit(1));

const startHandler = (databaseUrl, more = {}) => start(HANDLER, environment({ DATABASE_URL: databaseUrl, ...more }));

async function importLog(site, text, more = {}) {
  const folder = mkdtempSync(join(tmpdir(), "footfall-log."));
  try {
    const file = join(folder, "access.log");
    writeFileSync(file, text);
    const child = spawn(HANDLER, ["import", "--site", site, "--json", file], {
      env: environment({ DATABASE_URL, ...more }), stdio: ["ignore", "pipe", "inherit"],
    });
    let summary = "";
    child.stdout.on("data", text => { summary += text; });
    const [code] = await once(child, "close");
    if (code !== 0) throw new Error(`importing the log of ${site} ended with ${code}`);
    return JSON.parse(summary);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// The browser

let browser;

/** Chromium complains of every answer that is no success. */
const isStatus = (...statuses) => text => statuses.some(status => text.startsWith(`Failed to load resource: the server responded with a status of ${status}`));

/** A context whose requests and complaints are noted. `origin`: whom it may ask, one or several. `expected` says which complaints belong to what is tried. */
async function newContext(origin, contextOptions = {}, expected = () => false) {
  const context = await browser.newContext({ userAgent: FIREFOX, locale: "en-GB", timezoneId: "UTC", ...contextOptions });
  context.setDefaultTimeout(15_000);
  const complaints = [];
  const strangers = [];
  context.on("console", message => {
    if (["error", "warning"].includes(message.type()) && !expected(message.text(), message.location().url)) complaints.push(message.text());
  });
  context.on("weberror", error => complaints.push(String(error.error())));
  context.on("request", request => {
    const url = request.url();
    if (![origin].flat().some(known => url.startsWith(`${known}/`)) && !url.startsWith("data:")) strangers.push(url);
  });
  const conclude = async () => {
    check("the console stays empty, so nothing breaks the content security policy", complaints.length === 0, complaints.slice(0, 5));
    check("no other origin is asked", strangers.length === 0, strangers.slice(0, 5));
    await context.close();
  };
  return { context, conclude };
}

const picture = { fullPage: true, caret: "initial", animations: "allow" };

async function keepPicture(page, name) {
  if (options.gallery) await page.screenshot({ ...picture, path: join(options.gallery, `${name}.png`) });
}

/** What is wider than the window, or cut off at its edge. */
function findOverflow() {
  const room = document.documentElement.clientWidth;
  const found = [];
  if (document.documentElement.scrollWidth > room) found.push(`the page is ${document.documentElement.scrollWidth} wide, the window ${room}`);
  for (const element of document.querySelectorAll("body *:not(.skip)")) {
    const { left, right, width, height } = element.getBoundingClientRect();
    // The mark waits far outside until the pointer is over the drawing, whose bounds hold the mark, too.
    // What is folded keeps the layout that it had before.
    if (!width || !height || !element.checkVisibility() || element.matches("rect, svg:has(> rect)")) continue;
    if (left < -0.5 || right > room + 0.5) found.push(`<${element.localName}> ${element.textContent.trim().slice(0, 30)} reaches from ${left.toFixed()} to ${right.toFixed()}`);
  }
  return found.slice(0, 5);
}

/** Labels of charts that stand on each other. */
function findCollisions() {
  const found = [];
  for (const plot of document.querySelectorAll(".plot")) {
    const labels = [...plot.querySelectorAll(".x text, .y text")]
      .map(label => ({ text: label.textContent, box: label.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0);
    labels.forEach((one, index) => {
      for (const other of labels.slice(index + 1)) {
        const across = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
        const along = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
        if (across > 0 && along > 2) found.push(`${one.text} and ${other.text}`);
      }
    });
  }
  return found.slice(0, 5);
}

/**
 * Text on a background of its own, as in the rows of lists, whose contrast axe leaves open: WCAG 1.4.3 for the darkest and
 * the lightest thing that it can stand on.
 */
function findFaintText() {
  const channel = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = colour => {
    const [red, green, blue] = colour.match(/[\d.]+/g).map(Number).map(channel);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const paper = getComputedStyle(document.documentElement).backgroundColor;
  const found = new Set();
  for (const text of document.querySelectorAll(".list bdi, .plot text")) {
    const style = getComputedStyle(text);
    const colour = text.localName === "text" ? style.fill : style.color;
    const bar = text.closest("td")?.querySelector("svg");
    for (const ground of [paper, bar && getComputedStyle(bar).backgroundColor]) {
      if (ground && contrast(colour, ground) < 4.5) found.add(`${colour} on ${ground} is ${contrast(colour, ground).toFixed(2)}`);
    }
  }
  return [...found];
}

/** The page as it is now, at every width and in both schemes. axe looks at `twin`, see `openTwin`. */
async function lookAt(page, name, twin = page) {
  for (const width of WIDTHS) {
    for (const one of new Set([page, twin])) await one.setViewportSize({ width, height: 900 });
    for (const colorScheme of SCHEMES) {
      for (const one of new Set([page, twin])) await one.emulateMedia({ colorScheme });
      const where = `${name}, ${width} px, ${colorScheme}`;
      const rules = colorScheme === SCHEMES[0] ? RULES : COLOUR_RULES;
      const { violations } = await twin.evaluate(rules => globalThis.axe.run(document, rules), { ...rules, resultTypes: ["violations"] });
      check(`${where}: axe finds nothing`, violations.length === 0, violations
        .map(({ id, help, nodes }) => `\n${id} (${help}): ${nodes.slice(0, 3).map(node => `${node.html.slice(0, 120)}: ${node.failureSummary.replaceAll("\n", " ")}`).join("; ")}`).join(""));
      const faint = await page.evaluate(findFaintText);
      check(`${where}: text over bars has a contrast of 4.5 to 1`, faint.length === 0, faint);
      await keepPicture(page, `${name}-${width}-${colorScheme}`.replaceAll(/[^\w-]+/g, "_"));
    }
    const overflow = await page.evaluate(findOverflow);
    check(`${name}, ${width} px: nothing is wider than the window`, overflow.length === 0, overflow);
    const collisions = await page.evaluate(findCollisions);
    check(`${name}, ${width} px: labels of charts stand apart`, collisions.length === 0, collisions);
  }
  await page.setViewportSize({ width: NARROWEST, height: 900 });
  const overflow = await page.evaluate(findOverflow);
  check(`${name}, ${NARROWEST} px: nothing is wider than the window`, overflow.length === 0, overflow);
}

/** Follows a link, or sends a form: what it leads to is there as a whole, as a click alone does not promise. */
async function follow(page, locator) {
  await Promise.all([page.waitForEvent("load"), locator.click()]);
}

/** The fragment of the address, asked of the page itself: `page.url()` hears of it later. */
const fragment = page => page.evaluate(() => location.hash);

async function open(page, address, status = 200) {
  const response = await page.goto(address);
  const name = `${new URL(address).pathname}${new URL(address).search}`;
  check(`${name} answers ${status}`, response.status() === status, response.status());
  const { length } = await response.body();
  check(`${name} has ${LARGEST} bytes at most`, length <= LARGEST, length);
  return response;
}

/**
 * What axe can look at. It needs timers, which no page has whose script is disabled: in its place it gets the same answer
 * once more, in a page whose script is kept from running by the policy alone.
 */
async function openTwin(page, response, javaScriptEnabled) {
  if (javaScriptEnabled) {
    await page.evaluate(axe.source);
    return { twin: page, closeTwin: async () => {} };
  }
  const context = await browser.newContext({ userAgent: FIREFOX });
  const twin = await context.newPage();
  const [status, headers, body] = [response.status(), response.headers(), await response.text()];
  headers["content-security-policy"] = headers["content-security-policy"].replace(/script-src [^;]+/, "script-src 'none'");
  await twin.route(page.url().replace(/#.*/, ""), route => route.fulfill({ status, headers, body }));
  await twin.goto(page.url());
  await twin.evaluate(axe.source);
  return { twin, closeTwin: () => context.close() };
}

/** Opens a page and looks at it in every way. */
async function openAndLook(origin, address, name, { javaScriptEnabled = true, status = 200, expected, more = async () => {} } = {}) {
  const { context, conclude } = await newContext(origin, { javaScriptEnabled }, expected);
  const page = await context.newPage();
  const response = await open(page, address, status);
  await more(page, response);
  const { twin, closeTwin } = await openTwin(page, response, javaScriptEnabled);
  await lookAt(page, name, twin);
  await closeTwin();
  await conclude();
}

/** Goes through a page with the Tab key: everything that can be used is reached, in order, and shows that it is. */
async function walk(page, name) {
  await page.keyboard.press("Tab");
  const skip = await page.evaluate(() => {
    const { left, right, top, width, height } = document.activeElement.getBoundingClientRect();
    return {
      text: document.activeElement.textContent,
      seen: left >= 0 && right <= innerWidth && top >= 0 && width > 20 && height > 10,
      covers: document.elementFromPoint(left + width / 2, top + height / 2) === document.activeElement,
    };
  });
  check(`${name}: Tab reaches the skip link first, and it is seen`, skip.text === "Skip to the numbers" && skip.seen && skip.covers, skip);
  await page.keyboard.press("Enter");
  await checkSoon(`${name}: the skip link leads to the numbers`, async () => await fragment(page) === "#main", () => page.url());
  await page.keyboard.press("Tab");
  const inMain = await page.evaluate(() => document.activeElement.closest("main") !== null);
  check(`${name}: after the skip link, Tab goes on within the numbers`, inMain);

  await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
  await page.goto(page.url().replace(/#.*/, ""));
  const expected = await page.evaluate(() => [...document.querySelectorAll("a[href], summary, button, input, select, [tabindex]")].filter(element => element.checkVisibility() && !element.matches("[type=radio]:not(:checked)")).length);
  const unseen = [];
  const reached = [];
  // Day, month, year and calendar of a date are stops of their own within one input.
  const limit = expected + 5 * await page.locator("[type=date]").count();
  for (let stop = 0; stop < limit && new Set(reached).size < expected; stop++) {
    await page.keyboard.press("Tab");
    const found = await page.evaluate(() => {
      const element = document.activeElement;
      const index = [...document.querySelectorAll("*")].indexOf(element);
      const style = getComputedStyle(element);
      const { top, bottom, left, right } = element.getBoundingClientRect();
      const outlined = element.matches(":focus-visible, input:focus-within") && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
      const inside = top >= 0 && bottom <= innerHeight && left >= 0 && right <= innerWidth;
      return { index, what: `${element.localName} ${element.textContent.trim().slice(0, 40)}`, seen: outlined && inside && element !== document.body };
    });
    if (reached.at(-1) !== found.index) reached.push(found.index);
    if (!found.seen) unseen.push(found.what);
  }
  check(`${name}: Tab reaches each of ${expected} links and controls once`, reached.length === expected && new Set(reached).size === expected, reached.length);
  check(`${name}: the focus is always seen`, unseen.length === 0, unseen);
}

/** The numbers of the range's line by their names in the JSON answer. */
const rangeNumbers = page => page.locator("[data-range]").evaluateAll(places =>
  Object.fromEntries(places.map(place => [place.dataset.range, Number(place.textContent.replaceAll(",", ""))])));
/** The same range as JSON, asked for as the page's own link does. */
const asJson = async page => (await fetch(await page.locator("#json").evaluate(link => link.href))).json();
const days = async page => [await page.locator("[name=from]").inputValue(), await page.locator("[name=to]").inputValue()];
const total = async (page, index) => Number((await page.locator("[data-total=today] b").nth(index).textContent()).replaceAll(",", ""));
const today = page => total(page, 0);
const viewsToday = page => total(page, 1);

// The checks

const VIEWS = {
  "own page": "/",
  "today": `/?site=${ORDINARY}&period=today`,
  "30 days": `/?site=${ORDINARY}`,
  "this month": `/?site=${ORDINARY}&period=month`,
  "12 months": `/?site=${ORDINARY}&period=12m`,
  "an earlier day": `/?site=${ORDINARY}&${between(date(12), date(12))}`,
  "two days by the hour": `/?site=${ORDINARY}&${between(date(13), date(12))}`,
  "an earlier month": `/?site=${ORDINARY}&${between(firstOf(3), lastOf(3))}`,
  "a year of weeks": `/?site=${ORDINARY}&${between(date(364), date(0))}&by=week`,
  "a year of days": `/?site=${ORDINARY}&${between(date(364), date(0))}&by=day`,
  "hostile visitors": `/?site=${HOSTILE}&${between(date(3), date(3))}`,
  "one page": `/?site=${ORDINARY}&page=/blog/`,
  "one referrer": `/?site=${HOSTILE}&${between(date(3), date(3))}&referrer=evil.example`,
  "nothing counted yet": `/?site=${EMPTY}`,
  "a long name": `/?site=${LONG}`,
  "for a frame": `/?embed&site=${ORDINARY}`,
  "for a frame, hostile visitors": `/?embed&site=${HOSTILE}&${between(date(3), date(3))}`,
  "for a frame, nothing counted yet": `/?embed&site=${EMPTY}`,
  "a site that was only imported": `/?site=${FORMER}&${between(date(3), date(3))}`,
};

const viewChecks = origin => [true, false].flatMap(javaScriptEnabled => Object.entries(VIEWS).map(([name, address]) => {
  const title = javaScriptEnabled ? name : `${name}, without script`;
  return () => about(title, () => openAndLook(origin, origin + address, title, { javaScriptEnabled }));
}));

async function checkFolded(origin) {
  await about("everything unfolded", () =>
    openAndLook(origin, `${origin}/?site=${HOSTILE}&${between(date(3), date(3))}`, "everything unfolded", {
      more: page => page.evaluate(() => { for (const details of document.querySelectorAll("details")) details.open = true; }),
    }));
}

async function checkKeyboard(origin) {
  for (const javaScriptEnabled of [true, false]) {
    await about(javaScriptEnabled ? "keyboard" : "keyboard, without script", async () => {
      const { context, conclude } = await newContext(origin, { javaScriptEnabled });
      const page = await context.newPage();
      for (const width of [360, 1440]) {
        await page.setViewportSize({ width, height: 900 });
        await open(page, `${origin}/?site=${ORDINARY}&${between(date(9), date(3))}`);
        await walk(page, `${width} px`);
      }
      await page.reload();
      await page.keyboard.press("Tab");
      if (javaScriptEnabled) await keepPicture(page, "skip_link");
      await page.locator("summary").first().focus();
      await page.keyboard.press("Enter");
      await checkSoon("Enter unfolds a chart's table", () => page.locator("figure table").first().isVisible());
      await conclude();
    });
  }
}

async function checkCounting(origin) {
  await about("a visitor sees its own visit counted", async () => {
    const first = await newContext(origin, { userAgent: CHROME });
    const page = await first.context.newPage();
    const probe = await newContext(origin, { userAgent: CHROME });
    const before = await (await fetch(`${origin}/api/statistics`)).json();
    await open(page, `${origin}/`);
    check("a new visitor is one more than before", await today(page) === before.visitors.today + 1, [before.visitors.today, await today(page)]);
    const [visitors, views] = [await today(page), await viewsToday(page)];
    await page.reload();
    check("a second look is no second visitor", await today(page) === visitors, [visitors, await today(page)]);
    check("a second look is a second pageview", await viewsToday(page) === views + 1, [views, await viewsToday(page)]);
    const again = await probe.context.newPage();
    await open(again, `${origin}/?period=7d`);
    check("the same browser without its memory is the same visitor, because nothing is kept in it", await today(again) === visitors);
    check("no cookie is set", (await probe.context.cookies()).length === 0);

    const second = await newContext(origin, { userAgent: SAFARI });
    const other = await second.context.newPage();
    await open(other, `${origin}/`);
    check("another browser is another visitor", await today(other) === visitors + 1, [visitors, await today(other)]);

    const robot = await newContext(origin, { userAgent: undefined });
    const robots = await robot.context.newPage();
    const excluded = async () => Number(await robots.locator(".excluded dd").first().textContent());
    await open(robots, `${origin}/`);
    const bots = await excluded();
    await robots.reload();
    check("headless Chromium as it names itself is no visitor", await today(robots) === visitors + 1, await today(robots));
    check("it is accounted among the bots", await excluded() === bots + 1, [bots, await excluded()]);
    for (const { conclude } of [first, probe, second, robot]) await conclude();
  });
}

async function checkScript(origin) {
  await about("the script", async () => {
    const { context, conclude } = await newContext(origin);
    const page = await context.newPage();
    await page.clock.install();
    await open(page, `${origin}/?period=today`);
    const visitors = await today(page);
    const answered = page.waitForResponse(`${origin}/api/statistics?**`);
    // The same question: the answer to another one may be a second old.
    await fetch(`${origin}/?period=today`, { headers: { "user-agent": FIREFOX.replaceAll("145", "146") } });
    await page.clock.runFor(61_000);
    await until("the headline numbers are renewed", 10, async () => await today(page) === visitors + 1).then(
      () => check("after a minute, the headline numbers are renewed", true),
      async error => check(error.message, false, [visitors, await today(page)]));
    const { as_of: asOf, range } = await (await answered).json();
    const line = await rangeNumbers(page);
    check("so is the line of the range, which is today", line.visitors === range.visitors && line.visitors === visitors + 1 && line.pageviews === range.pageviews, [line, range]);
    check("and the time below", await page.locator("time").getAttribute("datetime") === asOf);
    await page.route("**/api/statistics?**", async route => {
      const response = await route.fetch();
      const numbers = await response.json();
      numbers.visitors.today += 1000;
      Object.assign(numbers.range, { from: date(-1), to: date(-1), visitors: 1, pageviews: 1 });
      await route.fulfill({ response, json: numbers });
    });
    await page.clock.runFor(60_000);
    await until("the headline numbers are renewed once more", 10, async () => await today(page) > 1000);
    check("but not the line, if midnight has passed and today is another day", (await rangeNumbers(page)).visitors === line.visitors);
    await page.unroute("**/api/statistics?**");

    await open(page, `${origin}/?site=${ORDINARY}&${between(date(9), date(3))}`);
    const plot = page.locator(".plot").last();
    await plot.scrollIntoViewIfNeeded();
    const box = await plot.boundingBox();
    await page.mouse.move(box.x + box.width - 12, box.y + box.height / 2);
    const readout = () => page.locator("figcaption span").last().textContent();
    const row = await page.locator("figure tbody").last().locator("tr").last().locator("th, td").allTextContents();
    const words = row => `${row[0]}: Visitors ${row[1]}, Pageviews ${row[2]}, Previous period ${row[3]}`;
    await checkSoon("a chart is read out under the pointer", async () => await readout() === words(row), async () => [await readout(), row]);
    await keepPicture(page, "readout");
    await page.mouse.move(0, 0);
    await checkSoon("and no longer when the pointer leaves", async () => await readout() === "", readout);
    await plot.focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowRight");
    const second = await page.locator("figure tbody tr").nth(1).locator("th, td").allTextContents();
    await checkSoon("the arrow keys move the mark", async () => await readout() === words(second), async () => [await readout(), second]);
    check("and what is read out can be heard", await page.locator("figcaption span").last().getAttribute("aria-live") === "polite");
    await conclude();
  });
}

async function checkLinks(origin) {
  await about("links", async () => {
    const { context, conclude } = await newContext(origin);
    const page = await context.newPage();
    await open(page, `${origin}/`);
    await follow(page, page.locator("header nav a", { hasText: ORDINARY }));
    check("a site is chosen by its link", await page.locator("h1").textContent() === ORDINARY);
    for (const link of await page.locator("a[href]").evaluateAll(links => links.map(({ href }) => href))) {
      const { status } = await fetch(link);
      check(`${link.slice(origin.length)} leads somewhere`, status === 200, status);
    }
    await follow(page, page.locator(".by a", { hasText: "Weeks" }));
    check("the chart is switched to weeks", (await asJson(page)).range.period === "30d" && new URL(page.url()).searchParams.get("by") === "week" && await page.locator("figure th").first().textContent() === "Week from");
    await follow(page, page.locator("nav a", { hasText: "7 days" }));
    await follow(page, page.locator("a[rel=prev]"));
    check("seven days lead back to the seven before", (await days(page)).join() === [date(13), date(7)].join(), await days(page));
    await follow(page, page.locator("a[rel=next]"));
    check("and those forward again", (await days(page)).join() === [date(6), date(0)].join(), await days(page));
    check("and no further than today", await page.locator("a[rel=next]").count() === 0);
    await follow(page, page.locator("nav a", { hasText: "Last month" }));
    await follow(page, page.locator("a[rel=prev]"));
    check("a month leads back to the month before", (await days(page)).join() === [firstOf(2), lastOf(2)].join(), await days(page));
    check("which is called by its name", await page.locator("#range h2").first().textContent() === monthBack(2).toLocaleString("en", { month: "long", year: "numeric", timeZone: "UTC" }));
    await conclude();
  });
}

async function checkRanges(origin) {
  const ranges = [
    ["Today", "today", date(0), date(0), /^Today, /],
    ["Yesterday", "yesterday", date(1), date(1), /^Yesterday, /],
    ["7 days", "7d", date(6), date(0), /^Last 7 days$/],
    ["30 days", "30d", date(29), date(0), /^Last 30 days$/],
    ["This week", "week", date((new Date(began).getUTCDay() + 6) % 7), date(0), /^This week, /],
    ["This month", "month", firstOf(0), date(0), /^This month, /],
    ["Last month", "last_month", firstOf(1), lastOf(1), /^Last month, /],
    ["12 months", "12m", firstOf(11), date(0), /^Last 12 months$/],
  ];
  for (const javaScriptEnabled of [true, false]) {
    await about(javaScriptEnabled ? "ranges" : "ranges, without script", async () => {
      const { context, conclude } = await newContext(origin, { javaScriptEnabled });
      const page = await context.newPage();
      await open(page, `${origin}/?site=${ORDINARY}`);
      check("there is a link for each range", (await page.locator("[aria-label=Range] a").allTextContents()).join() === ranges.map(([label]) => label).join());
      for (const [label, word, first, last, heading] of ranges) {
        await follow(page, page.locator("[aria-label=Range] a", { hasText: label }));
        const found = await page.locator("#range h2").textContent();
        check(`${label}: the page says so`, heading.test(found), found);
        check(`${label}: the form shows its days`, (await days(page)).join() === [first, last].join(), await days(page));
        check(`${label}: and only this link is marked`, (await page.locator("[aria-label=Range] [aria-current]").allTextContents()).join() === label);
        check(`${label}: the site stays`, await page.locator("h1").textContent() === ORDINARY);
        const { range } = await asJson(page);
        check(`${label}: the JSON answer is about the same days`, range.period === word && range.from === first && range.to === last, range);
        await checkNumbers(page, label, range);
      }
      await conclude();
    });
  }
}

/** The numbers are those of the JSON answer, are called what they are, and have their change against the period before. */
async function checkNumbers(page, name, range) {
  const numbers = await rangeNumbers(page);
  const line = await page.locator(".numbers").textContent();
  const note = await page.locator(".numbers + .note").textContent();
  const columns = await page.locator(".lists thead th").allTextContents();
  check(`${name}: pageviews are those of the JSON answer`, numbers.pageviews === range.pageviews && range.pageviews > 0, numbers);
  if (range.exact) {
    check(`${name}: unique visitors are those of the JSON answer, and no estimate`, numbers.visitors === range.visitors && range.visitors > 0 && line.includes("Unique visitors") && !line.includes("≈"), line);
    check(`${name}: so are new and returning ones, where they are told apart`, numbers.new_visitors === (range.new_visitors ?? undefined) && numbers.returning_visitors === (range.returning_visitors ?? undefined), numbers);
    check(`${name}: who came is new or returning`, range.new_visitors === null || range.new_visitors + range.returning_visitors === range.visitors, range);
    check(`${name}: views per visitor are their ratio`, Math.abs(numbers.views_per_visitor - range.pageviews / range.visitors) <= 0.051, numbers);
    check(`${name}: lists have a column of visitors`, columns.includes("Visitors"), columns);
  } else {
    check(`${name}: no number is called unique`, numbers.visitors === undefined && numbers.new_visitors === undefined && !/unique/i.test(line) && range.visitors === null, line);
    check(`${name}: it says why`, note.includes("Unique visitors are not available for a period this long."), note);
    check(`${name}: the sum of days is called one`, line.includes("Sum of daily visitors") && numbers.daily_visitors === range.daily_visitors, numbers);
    check(`${name}: lists have no column of visitors`, columns.length > 0 && !columns.includes("Visitors"), columns);
  }
  const before = await page.locator("[data-range=pageviews]").locator("xpath=../following-sibling::dd").textContent();
  const percent = range.previous?.pageviews > 0 ? Math.round((range.pageviews / range.previous.pageviews - 1) * 100) : null;
  const sign = percent > 0 ? "+" : percent < 0 ? "−" : "±";
  const expected = percent === null ? "" : `${sign}${Math.abs(percent).toLocaleString("en")} %, previous period: ${range.previous.pageviews.toLocaleString("en")}`;
  check(`${name}: pageviews have their change against the period before`, before === expected, [before, expected]);
  check(`${name}: it says which period that is`, note.startsWith("Compared with ") === (percent !== null), note);
}

async function checkTabs(origin) {
  for (const javaScriptEnabled of [true, false]) {
    await about(javaScriptEnabled ? "tabs" : "tabs, without script", async () => {
      const { context, conclude } = await newContext(origin, { javaScriptEnabled });
      const page = await context.newPage();
      await open(page, `${origin}/?site=${ORDINARY}`);
      const shown = () => page.locator(".lists").evaluateAll(lists => lists.map(list => list.checkVisibility()));
      check("one group of lists is shown", (await shown()).filter(Boolean).length === 1 && (await shown())[0], await shown());
      await page.locator("[name=tab]").first().focus();
      await page.keyboard.press("ArrowRight");
      await checkSoon("the arrow keys lead to the next one", async () => (await shown())[1] && !(await shown())[0], shown);
      await page.locator("fieldset label").last().click();
      await checkSoon("a click to another", async () => (await shown()).at(-1), shown);
      if (javaScriptEnabled) {
        const key = await page.locator("[name=tab]:checked").inputValue();
        await checkSoon("the link names the tab", async () => await fragment(page) === `#${key}`, () => page.url());
        await follow(page, page.locator("nav a", { hasText: "7 days" }));
        check("which stays when another range is chosen", await page.locator("[name=tab]:checked").inputValue() === key, page.url());
        await page.locator("[name=tab]").first().check();
        await page.locator(".lists summary").first().click();
        await page.locator("[type=search]").fill("docs");
        const rows = () => page.locator(".lists").first().locator("> div").first().locator("tbody tr:visible bdi").allTextContents();
        await checkSoon("a long list is searched", async () => (await rows()).length > 1 && (await rows()).every(row => row.includes("docs")), rows);
      }
      await conclude();
    });
  }
}

async function checkLive(origin) {
  await about("the last 30 minutes", async () => {
    const { context, conclude } = await newContext(origin);
    const page = await context.newPage();
    let asked = 0;
    page.on("request", request => { asked += request.url().includes("/api/live?"); });
    await page.clock.install();
    await open(page, `${origin}/?site=${ORDINARY}`);
    const sum = page.locator("#live b");
    await until("they are shown", 10, async () => await sum.textContent() === "0");
    const count = () => fetch(`${origin}/v`, { method: "POST", headers: { "user-agent": FIREFOX }, body: JSON.stringify({ s: ORDINARY, p: "/" }) });
    check("a view is counted", (await count()).status === 204);
    // The answer may be a second old.
    await new Promise(resolve => setTimeout(resolve, 1100));
    await page.clock.runFor(10_000);
    await until("after ten seconds they are renewed", 10, async () => await sum.textContent() === "1").then(
      () => check("after ten seconds they are renewed", true), async error => check(error.message, false, await sum.textContent()));
    check("its minute has a bar", /^M(29|28)\.5 24v-24$/.test(await page.locator("#live path").getAttribute("d")), await page.locator("#live path").getAttribute("d"));
    check("the picture has a name", await page.locator("#live svg").getAttribute("aria-label") === "Pageviews by minute. Highest: 1");
    await page.evaluate(() => Object.defineProperty(document, "hidden", { value: true, configurable: true }));
    const before = asked;
    await page.clock.runFor(60_000);
    check("nobody asks while the page is not seen", asked === before, [before, asked]);
    await page.evaluate(() => { delete document.hidden; document.dispatchEvent(new Event("visibilitychange")); });
    await until("once it is seen again, they are renewed at once", 10, async () => asked === before + 1);
    await page.route("**/api/live?**", async route => {
      const response = await route.fetch();
      const answer = await response.json();
      answer.minutes.at(-1).start = "2099-01-01T00:00:00Z";
      await route.fulfill({ response, json: { ...answer, pageviews: 1234 } });
    });
    await page.clock.runFor(10_000);
    await until("what is said is heard when a minute has passed", 10, async () => await page.locator("#live [role=status]").textContent() === "Pageviews in the last 30 minutes: 1,234");
    await keepPicture(page, "live");
    await conclude();
    const without = await newContext(origin, { javaScriptEnabled: false });
    const still = await without.context.newPage();
    await open(still, `${origin}/?site=${ORDINARY}`);
    check("without script they are not there", !await still.locator("#live").isVisible());
    await without.conclude();
  });
}

async function checkLookingInto(origin) {
  for (const javaScriptEnabled of [true, false]) {
    await about(javaScriptEnabled ? "looking into a list" : "looking into a list, without script", async () => {
      const { context, conclude } = await newContext(origin, { javaScriptEnabled });
      const page = await context.newPage();
      await open(page, `${origin}/?site=${ORDINARY}`);
      const { referrers } = await asJson(page);
      const host = referrers[0].value;
      await page.locator("label", { hasText: "Sources" }).click();
      await follow(page, page.locator(".list a", { hasText: host }).first());
      const found = await asJson(page);
      check("a referrer leads to its pages", found.referrals.referrer === host && found.referrals.pages.length > 0, found.referrals);
      check("which are named, with their pageviews", await page.locator("h3").textContent() === `Pages reached from ${host}`
        && (await page.locator(".lists tbody tr").first().locator("td").last().textContent()).trim() === found.referrals.pages[0].pageviews.toLocaleString("en"));
      const sum = found.referrals.pages.reduce((sum, { pageviews }) => sum + pageviews, 0);
      check("and add up to the referrer's", sum === referrers[0].pageviews, [sum, referrers[0]]);
      await follow(page, page.locator(".list a").first());
      const answer = (await asJson(page)).referrals;
      check("a page leads to its referrers", answer.page === found.referrals.pages[0].value && answer.referrers.some(({ value }) => value === host), answer);
      await follow(page, page.locator("a", { hasText: "All lists" }));
      await checkSoon("and there is a way back", async () => await page.locator("fieldset").count() === 1 && await fragment(page) === "#pages", () => page.url());
      await page.locator("#returning summary").click();
      const { returning } = await asJson(page);
      const { visitors } = returning.at(-2);
      check("who comes back is told by weeks", (await page.locator("#returning tbody tr").nth(1).locator("td").nth(1).textContent()).trim() === visitors.toLocaleString("en"), visitors);
      await keepPicture(page, `returning${javaScriptEnabled ? "" : "-without-script"}`);
      await conclude();
    });
  }
}

async function checkYear(origin) {
  await about("the year", async () => {
    const { context, conclude } = await newContext(origin);
    const page = await context.newPage();
    await open(page, `${origin}/?site=${ORDINARY}`);
    await page.locator("#year summary").click();
    await page.locator(".year").waitFor();
    const { series } = await (await fetch(`${origin}/api/statistics?site=${ORDINARY}&period=12m&by=day`)).json();
    check("each day is there", await page.locator(".year rect").count() === series.length, series.length);
    const last = await page.locator(".year rect title").last().textContent();
    check("with its visitors", last.endsWith(`: ${series.at(-1).visitors}`), last);
    check("the picture has a name", (await page.locator(".year").getAttribute("aria-label")).startsWith("Visitors by day, last 12 months. Highest: "));
    await page.evaluate(axe.source);
    await lookAt(page, "the year");
    await conclude();
  });
}

async function checkWaiting(origin) {
  await about("the first visit", async () => {
    const { context, conclude } = await newContext(origin, { permissions: ["clipboard-read", "clipboard-write"] });
    const page = await context.newPage();
    await open(page, `${origin}/?site=${EMPTY}`);
    const line = `<script defer data-site="${EMPTY}" src="https://${OWN}/footfall.js"></script>`;
    check("the line to embed is there", await page.locator("pre").textContent() === line);
    await page.locator("button").click();
    await page.locator("button", { hasText: "Copied" }).waitFor();
    check("and is copied", await page.evaluate(() => navigator.clipboard.readText()) === line);
    const counted = await fetch(`${origin}/v`, { method: "POST", headers: { "user-agent": FIREFOX }, body: JSON.stringify({ s: EMPTY, p: "/" }) });
    check("a visit is counted", counted.status === 204, counted.status);
    await page.locator("h2", { hasText: "First visit received. Visitors today: 1" }).waitFor();
    await follow(page, page.locator("a", { hasText: "Show statistics" }));
    check("and its number shown", await page.locator("[data-range=visitors]").textContent() === "1");
    await conclude();
  });
}

async function checkLocale(origin) {
  await about("numbers of another language", async () => {
    const { context, conclude } = await newContext(origin, { locale: "de-DE" });
    const page = await context.newPage();
    await open(page, `${origin}/?site=${ORDINARY}`);
    const { range } = await asJson(page);
    check("have its separators", await page.locator("[data-range=pageviews]").textContent() === range.pageviews.toLocaleString("de"), range.pageviews);
    check("also after a point", (await page.locator("[data-range=views_per_visitor]").textContent()).includes(","));
    await conclude();
  });
}

async function checkForm(origin) {
  for (const javaScriptEnabled of [true, false]) {
    await about(javaScriptEnabled ? "the form" : "the form, without script", async () => {
      const { context, conclude } = await newContext(origin, { javaScriptEnabled }, (text, url) => isStatus(400)(text) || url === `${origin}/favicon.ico`);
      const page = await context.newPage();
      await open(page, `${origin}/?site=${ORDINARY}`);
      const fill = async (from, to) => {
        await page.locator("[name=from]").fill(from);
        await page.locator("[name=to]").fill(to);
      };
      await fill(date(20), date(10));
      await page.locator("button").click();
      await page.waitForURL(/from=/);
      check("two days lead to their range", page.url() === `${origin}/?site=${ORDINARY}&${between(date(20), date(10))}`, page.url());
      const words = days => new Date(began - days * DAY).toLocaleString("en-GB", { dateStyle: "long", timeZone: "UTC" });
      const heading = await page.locator("#range h2").first().textContent();
      check("the page says that range", heading === `${words(20)} to ${words(10)}`, heading);
      check("the form keeps it", (await days(page)).join() === [date(20), date(10)].join());
      check("no link is marked", await page.locator("[aria-label=Range] [aria-current]").count() === 0);
      check("the range is what is seen", await page.locator(".numbers").evaluate(numbers => numbers.getBoundingClientRect().bottom < innerHeight));
      const { range } = await asJson(page);
      check("the JSON answer is about the same days", range.period === null && range.from === date(20) && range.to === date(10), range);
      await checkNumbers(page, "eleven days", range);
      await fill(date(2), date(2));
      await page.locator("[name=to]").press("Enter");
      await page.waitForURL(/from=(.*)&to=\1/);
      check("one day is a range, and Enter asks for it", (await asJson(page)).range.daily_visitors === (await rangeNumbers(page)).visitors);
      await fill(date(5), date(8));
      const before = page.url();
      if (javaScriptEnabled) {
        await page.locator("button").click();
        check("a range that ends before it begins is not asked for", page.url() === before && await page.locator("[name=to]").evaluate(input => input.matches(":invalid")), page.url());
        await fill(date(8), date(5));
        await page.locator("button").click();
        await page.waitForURL(url => url.href !== before);
        check("once it is mended, it is", (await days(page)).join() === [date(8), date(5)].join());
      } else {
        const [response] = await Promise.all([page.waitForResponse(/from=/), page.locator("button").click()]);
        check("a range that ends before it begins is refused", response.status() === 400, response.status());
      }
      await conclude();
    });
  }
  await about("questions that cannot be answered", async () => {
    for (const [query, reason] of [
      [between(date(5), date(8)), "'from' must not be later than 'to'"],
      [between("2026-02-30", date(0)), "'from' is '2026-02-30', but must be a date"],
      [`to=${date(3)}`, "'to' needs a 'from'"],
      [`period=7d&from=${date(3)}`, "not both"],
      ["period=fortnight", "'period' must be today, yesterday"],
      [between("1990-01-01", date(0)), "more than 3660 days"],
      [`${between(date(500), date(0))}&by=day`, "more than 400 points"],
      ["by=minute", "'by' must be"],
    ]) {
      for (const path of ["/", "/api/statistics"]) {
        const response = await fetch(`${origin}${path}?${query}`);
        const problem = await response.json();
        check(`${path}?${query} is refused with the reason`, response.status === 400 && response.headers.get("content-type") === "application/problem+json" && problem.status === 400 && problem.detail.includes(reason), problem);
      }
    }
  });
}

/** Notes what the browser saw move; `ignored` says of which elements it does not matter. */
const noteShifts = ignored => {
  globalThis.shifts = [];
  new PerformanceObserver(list => {
    for (const { sources } of list.getEntries()) {
      globalThis.shifts.push(...sources.filter(({ node }) => !(node?.closest ? node : node?.parentElement)?.closest(ignored)).map(({ node }) => node?.nodeName ?? "gone"));
    }
  }).observe({ type: "layout-shift", buffered: true });
};

/** Forwards to the handler, and lets each page stop for a moment before the list of sites, and in the middle of it. */
async function inPieces(origin) {
  const server = createHttpServer(async (request, response) => {
    const answer = await fetch(origin + request.url, { headers: { "User-Agent": FIREFOX } });
    const body = Buffer.from(await answer.arrayBuffer());
    response.writeHead(answer.status, { "Content-Type": answer.headers.get("Content-Type") });
    let at = 0;
    if (request.url.startsWith("/?")) {
      const middle = body.indexOf("</bdi></a>");
      if (middle < 0) throw new Error(`${request.url} has no list of sites to stop in`);
      for (const end of [body.indexOf("<nav"), middle]) {
        response.write(body.subarray(at, end));
        at = end;
        await new Promise(resolve => setTimeout(resolve, 300));
      }
    }
    response.end(body.subarray(at));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { address: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

async function checkArrival(origin) {
  const { address, close } = await inPieces(origin);
  for (const [site, width] of [ORDINARY, EMPTY].flatMap(site => [[site, 1440], [site, PHONE]])) {
    await about(`nothing moves while ${site} arrives, ${width} px`, async () => {
      const { context, conclude } = await newContext(address, { viewport: { width, height: 900 } });
      const page = await context.newPage();
      await page.addInitScript(noteShifts, "figcaption span");
      await page.goto(`${address}/?site=${site}`);
      await page.evaluate(() => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve, 100))));
      const shifts = await page.evaluate(() => globalThis.shifts);
      check("the browser saw no layout shift", shifts.length === 0, shifts);
      await conclude();
    });
  }
  close();
}

async function checkStillness(origin) {
  for (const width of [PHONE, 1440]) {
    await about(`nothing moves, ${width} px`, async () => {
      const { context, conclude } = await newContext(origin, { viewport: { width, height: 900 }, hasTouch: width === PHONE });
      const page = await context.newPage();
      // The words of the readout itself, which end where the chart does, begin elsewhere with each bar.
      await page.addInitScript(noteShifts, "figcaption span");
      await open(page, `${origin}/?site=${ORDINARY}`);
      const plot = page.locator(".plot").last();
      await plot.scrollIntoViewIfNeeded();
      const before = await plot.boundingBox();
      for (let part = 1; part < 10; part++) {
        await page.mouse.move(before.x + before.width * part / 10, before.y + before.height / 2);
        const after = await plot.boundingBox();
        check(`the chart stays in its place while it is read out (${part})`, after.y === before.y && after.height === before.height, [before, after]);
      }
      await checkSoon("the readout is there", async () => (await page.locator("figcaption span").last().textContent()).includes(": Visitors "));
      await keepPicture(page, `still-${width}`);
      await page.evaluate(() => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve, 100))));
      const shifts = await page.evaluate(() => globalThis.shifts);
      check("the browser saw no layout shift", shifts.length === 0, shifts);
      if (width === PHONE) {
        const small = await page.locator("input:visible, button:visible, nav a, summary:visible, fieldset label").evaluateAll(controls => controls
          .filter(control => control.getBoundingClientRect().height < 24).map(({ outerHTML }) => outerHTML.slice(0, 80)));
        check("what is touched is at least 24 pixels high", small.length === 0, small);
        const sizes = await page.locator("input:visible:not([type=radio])").evaluateAll(inputs => inputs.map(input => parseFloat(getComputedStyle(input).fontSize)));
        check("letters in inputs are so large that no phone zooms in", sizes.every(size => size >= 16), sizes);
      }
      await conclude();
    });
  }
}

async function checkPrint(origin) {
  await about("on paper", async () => {
    const { context, conclude } = await newContext(origin, { viewport: { width: 720, height: 900 } });
    const page = await context.newPage();
    await open(page, `${origin}/?site=${ORDINARY}&${between(date(20), date(10))}`);
    await page.emulateMedia({ media: "print" });
    const shown = await page.locator("nav, fieldset, details, button, .skip").evaluateAll(elements => elements.filter(element => element.checkVisibility()).length);
    check("nothing is printed that could only be clicked", shown === 0, shown);
    check("charts, numbers and days are", await page.locator(".numbers, .totals, .plot, .lists, [name=from]").evaluateAll(elements => elements.every(element => element.checkVisibility())));
    const overflow = await page.evaluate(findOverflow);
    check("nothing is wider than the paper", overflow.length === 0, overflow);
    await keepPicture(page, "print");
    await conclude();
  });
}

/** An answer as it is sent. */
const ask = (address, headers = {}) => new Promise((resolve, reject) => {
  get(address, { headers: { "user-agent": FIREFOX, ...headers } }, async response => {
    const pieces = [];
    for await (const piece of response) pieces.push(piece);
    resolve({ headers: response.headers, body: Buffer.concat(pieces) });
  }).on("error", reject);
});

async function checkCompressed(origin) {
  await about("compressed", async () => {
    // The time at which they were computed may pass on between the two.
    const still = html => html.toString().replace(/<time.*<\/time>/, "");
    for (const address of [`/?site=${ORDINARY}`, `/?site=${ORDINARY}&period=12m`, `/?site=${EMPTY}`, `/?site=${HOSTILE}&${between(date(3), date(3))}`]) {
      const plain = await ask(origin + address);
      const gzip = await ask(origin + address, { "accept-encoding": "gzip" });
      check(`${address} is sent as it is, unless gzip is asked for`, plain.headers["content-encoding"] === undefined && gzip.headers["content-encoding"] === "gzip", gzip.headers);
      check(`${address} is the same page compressed`, still(gunzipSync(gzip.body)) === still(plain.body) && plain.body.length > 1000);
      check(`${address} has fewer bytes compressed, and ${LARGEST_SENT} at most`, gzip.body.length < plain.body.length && gzip.body.length <= LARGEST_SENT, [plain.body.length, gzip.body.length]);
      check(`${address} says that its form depends on what is asked for`, [plain, gzip].every(({ headers }) => headers.vary === "accept-encoding"));
    }
  });
}

/** Visitors are forgotten at the end of each day: only days are unique. */
async function checkDaily() {
  const database = new URL(DATABASE_URL);
  execFileSync("psql", [DATABASE_URL, "--quiet", "--command", "CREATE DATABASE forget_daily"]);
  database.pathname = "/forget_daily";
  const settings = { DATABASE_URL: database.href, FOOTFALL_FORGET: "daily" };
  const origin = await startHandler(database.href, settings);
  await importLog(ORDINARY, ordinaryLog(began, 70, 60), settings);
  for (const period of ["30d", "yesterday"]) {
    const title = `forgotten each day, ${period}`;
    await about(title, () => openAndLook(origin, `${origin}/?site=${ORDINARY}&period=${period}`, title, {
      more: async page => {
        const { range, visitors } = await asJson(page);
        check("only a day is exact", range.exact === (period === "yesterday"), range);
        await checkNumbers(page, period, range);
        check("nobody is called new", !(await page.locator("#range").textContent()).includes("New"));
        check("today is unique", await page.locator("[data-total=today][data-sum]").count() === 0 && await today(page) === visitors.today);
        for (const [key, word] of [["this_week", "week"], ["this_month", "month"]]) {
          const headline = page.locator(`[data-total=${key}]`);
          const { range: whole } = await (await fetch(`${origin}/api/statistics?site=${ORDINARY}&period=${word}`)).json();
          // On the first day of a week or month there is nothing to add up.
          const sum = visitors[key] === null;
          check(`${key} says whether it is a sum`, (await headline.locator("small").allTextContents()).includes("sum of days") === sum && sum === (whole.visitors === null));
          check(`${key} is that sum`, await headline.locator("b").first().textContent() === whole.daily_visitors.toLocaleString("en"));
        }
        if (Object.values(visitors).includes(null)) {
          check("it says how to read sums", (await page.locator(".totals + .note").textContent()).includes("Longer periods are sums of days: a visitor on two days counts twice."));
        }
      },
    }));
  }
}

async function checkWithoutAllTime() {
  const origin = await startHandler(DATABASE_URL, { FOOTFALL_ALL_TIME: "off" });
  await about("no visitors of all time", () => openAndLook(origin, `${origin}/?site=${ORDINARY}`, "no visitors of all time", {
    more: async page => {
      const text = await page.locator("body").innerText();
      check("there is no estimate", !/all time|≈|estimate/i.test(text) && await page.locator("[data-total]").count() === 3);
      check("the JSON answer has none", (await asJson(page)).visitors.all_time === null);
    },
  }));
}

async function checkHostile(origin) {
  await about("hostile visitors, as text", async () => {
    const { context, conclude } = await newContext(origin, {}, (text, url) => isStatus(400, 404)(text) && /[?]|favicon/.test(url));
    const page = await context.newPage();
    const dialogs = [];
    page.on("dialog", dialog => { dialogs.push(dialog.message()); dialog.dismiss(); });
    await open(page, `${origin}/?site=${HOSTILE}&${between(date(3), date(3))}`);
    const found = await page.evaluate(() => ({
      harmed: globalThis.harmed,
      values: [...document.querySelectorAll(".list bdi")].map(value => value.textContent),
      inside: document.querySelectorAll(".list bdi *").length,
      handlers: [...document.querySelectorAll("*")].filter(element => [...element.attributes].some(({ name }) => name.startsWith("on"))).length,
      scripts: document.scripts.length,
      headings: [...document.querySelectorAll("h1")].map(heading => heading.textContent),
      strangers: [...document.links].filter(link => link.origin !== location.origin).length,
    }));
    for (const { shown } of HOSTILE_PATHS) check(`${shown} is shown as it is`, found.values.includes(shown), found.values);
    check("nothing of it ran", found.harmed === undefined && dialogs.length === 0);
    check("nothing of it became an element", found.inside === 0 && found.handlers === 0 && found.scripts === 1 && found.strangers === 0, found);
    check("nothing of it became a heading", found.headings.join() === HOSTILE, found.headings);
    const hosts = HOSTILE_REFERRERS.map(referrer => /^https:\/\/(?:[^/@<]*@)?([\w.-]+)\//.exec(referrer)?.[1]).filter(Boolean);
    check("of referrers, hosts are shown and nothing else", found.values.includes("evil.example") && !found.values.some(value => /secret|token|javascript:|data:/.test(value)), found.values);
    check("two referrers of one host are one", new Set(hosts).size === 2 && found.values.filter(value => value === "evil.example").length === 1);
    for (const query of ["?site=%3Cscript%3Ealert(1)%3C/script%3E", "?period=%3Cb%3E", "?to=%22onload=%22", "?site=unknown.example", "?to=9999-12-31&from=1970-01-01"]) {
      const response = await page.goto(`${origin}/${query}`);
      check(`${query} is refused`, [400, 404].includes(response.status()), response.status());
      const elements = await page.evaluate(() => document.querySelectorAll("script, main b, [onload]").length);
      check(`${query} becomes no element`, elements === 0 && dialogs.length === 0, elements);
    }
    await conclude();
  });
}

async function checkAway(origin, gate) {
  const expected = isStatus(503);
  // Asked while the database is there, so that there is something old to show.
  const remembered = `${origin}/?site=${ORDINARY}`;
  await fetch(remembered, { headers: { "user-agent": FIREFOX } });
  gate.shut();
  for (const javaScriptEnabled of [true, false]) {
    for (const [name, address, isExpected] of [
      ["old numbers", remembered, () => document.querySelector(".notice").textContent.startsWith("These numbers are out of date.")],
      ["no numbers", `${origin}/?site=${ORDINARY}&${between(date(200), date(200))}`, () => document.querySelector(".notice").textContent.startsWith("The database is unavailable") && document.querySelectorAll(".totals, .numbers, figure").length === 0],
    ]) {
      const title = `database away, ${name}${javaScriptEnabled ? "" : ", without script"}`;
      await about(title, () => openAndLook(origin, address, title, {
        javaScriptEnabled, expected, status: 503,
        more: async (page, response) => {
          const headers = response.headers();
          check("it is HTML, and says when to come again", headers["content-type"].startsWith("text/html") && Number(headers["retry-after"]) > 0, headers);
          check("it says what is wrong", await page.evaluate(isExpected));
        },
      }));
    }
  }
  await about("the database is back", async () => {
    gate.reopen();
    const { context, conclude } = await newContext(origin);
    await until("the handler is ready again", 30, async () => (await fetch(`${origin}/health/ready`)).ok);
    const page = await context.newPage();
    await open(page, remembered);
    check("the page is no longer old", await page.locator(".notice").count() === 0);
    await conclude();
  });
}

async function checkPrivate(origin) {
  await about("private numbers", async () => {
    // Where an answer is no HTML, and so names no icon, browsers ask for one.
    const expected = (text, url) => isStatus(401)(text) || url === `${origin}/favicon.ico`;
    const { context, conclude } = await newContext(origin, {}, expected);
    const page = await context.newPage();
    for (const path of ["/", `/?site=${ORDINARY}`, "/api/statistics"]) {
      const response = await page.request.get(origin + path);
      const body = await response.text();
      check(`${path} is refused`, response.status() === 401, response.status());
      check(`${path} asks for a token`, /^Bearer realm=/.test(response.headers()["www-authenticate"] ?? ""), response.headers());
      check(`${path} shows no numbers and no sites`, !/visitors"|class="totals|example\.com/.test(body) && body.length < 400, body);
    }
    const numbers = page.locator(".totals");
    await page.goto(`${origin}/?site=${ORDINARY}`);
    await keepPicture(page, "private");
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(rules => globalThis.axe.run(document, rules), { ...RULES, resultTypes: ["violations"] });
    check("axe finds nothing in the form", violations.length === 0, violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.html)}`));
    check("in the browser, a form is shown instead of numbers", await numbers.count() === 0 && await page.getByLabel("Token").isVisible());
    await page.getByLabel("Token").fill("not the token, but as long");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    check("another token opens nothing, and is said to be another", await numbers.count() === 0);
    await page.goto(`${origin}/?site=${ORDINARY}`);
    await page.getByLabel("Token").fill(TOKEN);
    await page.getByRole("button", { name: "Sign in" }).click();
    await numbers.waitFor();
    check("the token opens the site that was asked for", await page.locator("h1").innerText() === ORDINARY);
    const [cookie, ...others] = await context.cookies();
    check("the cookie is for the owner's browser only", others.length === 0 && cookie.httpOnly && cookie.secure && cookie.sameSite === "Strict", cookie);
    const response = await page.evaluate(async () => (await fetch("/api/statistics")).status);
    check("the script may read the numbers, too", response === 200, response);
    await conclude();
  });
}

/** A page of somebody else: what is embedded is named in its address. It is there under two names, so of two origins. */
async function embeddingPage() {
  const server = createHttpServer((request, reply) => {
    const frame = new URL(request.url, "http://localhost").searchParams.get("frame");
    reply.setHeader("content-type", "text/html; charset=utf-8");
    reply.end(`<!doctype html><html lang="en"><title>Somebody's page</title>${frame ? `<iframe title="Visitors" width="100%" height="1000" src="${frame.replaceAll("&", "&amp;")}"></iframe>` : ""}`);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address();
  return { allowed: `http://127.0.0.1:${port}`, other: `http://localhost:${port}`, end: () => server.close() };
}

async function checkEmbedded() {
  const { allowed, other, end } = await embeddingPage();
  const origin = await startHandler(DATABASE_URL, { FOOTFALL_EMBED: allowed });
  const frameOf = (around, address) => `${around}/?frame=${encodeURIComponent(address)}`;
  const numbers = page => page.frameLocator("iframe").locator("[data-range=pageviews]");
  await about("in a frame", async () => {
    const { context, conclude } = await newContext([origin, allowed]);
    const page = await context.newPage();
    const before = await (await fetch(`${origin}/api/statistics`)).json();
    await page.goto(frameOf(allowed, `${origin}/?embed&site=${ORDINARY}&period=7d`));
    await numbers(page).waitFor();
    const { range } = await (await fetch(`${origin}/api/statistics?site=${ORDINARY}&period=7d`)).json();
    check("a page of an origin that may shows the numbers", Number((await numbers(page).textContent()).replaceAll(",", "")) === range.pageviews && range.pageviews > 0, range);
    await page.frameLocator("iframe").locator("fieldset label").last().click();
    await checkSoon("the lists can be chosen in it", () => page.frameLocator("iframe").locator(".lists").last().isVisible());
    await keepPicture(page, "in_a_frame");
    const [opened] = await Promise.all([context.waitForEvent("page"), page.frameLocator("iframe").getByText("Open in Footfall").click()]);
    await opened.locator("header").waitFor();
    check("its link opens the page in another tab", new URL(opened.url()).search === `?site=${ORDINARY}&period=7d`, opened.url());
    // An answer of the last second may be shared.
    await new Promise(resolve => setTimeout(resolve, 1100));
    const after = await (await fetch(`${origin}/api/statistics`)).json();
    check("what was opened is a visit, the frame is none", after.pageviews.today === before.pageviews.today + 1, [before.pageviews, after.pageviews]);
    await conclude();
  });
  for (const [name, around, path] of [["another origin", other, `/?embed&site=${ORDINARY}`], ["an origin that may, the page itself", allowed, `/?site=${ORDINARY}`]]) {
    await about(`in a frame of ${name}`, async () => {
      const refusals = [];
      const isRefusal = text => /frame-ancestors/.test(text) && refusals.push(text) > 0;
      const { context, conclude } = await newContext([origin, around], {}, isRefusal);
      const page = await context.newPage();
      await page.goto(frameOf(around, origin + path));
      await until("the browser says what it refuses", 10, async () => refusals.length > 0);
      await checkSoon("it is not shown", async () => await numbers(page).count() === 0 && page.frames()[1].url().startsWith("chrome-error:"), () => page.frames().map(frame => frame.url()));
      await conclude();
    });
  }
  await about("private numbers in a frame, by a shared link", async () => {
    const secret = { FOOTFALL_DASHBOARD_TOKEN: TOKEN, FOOTFALL_EMBED: allowed };
    const origin = await startHandler(DATABASE_URL, secret);
    const link = execFileSync(HANDLER, ["share", "--site", ORDINARY, "--name", "frame"], { env: environment({ DATABASE_URL, ...secret }), encoding: "utf8" });
    const shared = origin + link.trim().slice(`https://${OWN}`.length);
    const { context, conclude } = await newContext([origin, allowed]);
    const page = await context.newPage();
    await page.goto(frameOf(allowed, `${shared}&embed`));
    await numbers(page).waitFor();
    const statuses = await page.frames()[1].evaluate(links => Promise.all([...document.querySelectorAll(links)].map(async ({ href }) => (await fetch(href)).status)), "a[href]");
    check("its links keep the shared link, so it can renew its numbers", statuses.length > 2 && statuses.every(status => status === 200), statuses);
    await page.goto(shared);
    await follow(page, page.locator("[aria-label=Range] a", { hasText: "7 days" }));
    check("so do those of the whole page", (await days(page)).join() === [date(6), date(0)].join(), page.url());
    await follow(page, page.getByRole("button", { name: "Apply" }));
    check("and its form", await page.locator("h1").textContent() === ORDINARY && new URL(page.url()).searchParams.has("share"), page.url());
    await conclude();
  });
  end();
}

/** The whole page in a picture of always the same size: a little smaller than it is, if there is more of it. */
async function takeScreenshots(origin, folder) {
  const [width, height] = [1280, 1870];
  for (const colorScheme of SCHEMES) {
    const take = async (scale, path) => {
      const viewport = { width: Math.round(width / scale), height: Math.floor(height / scale) };
      const { context } = await newContext(origin, { colorScheme, deviceScaleFactor: scale, viewport });
      const page = await context.newPage();
      await page.goto(`${origin}/?site=${ORDINARY}`);
      const whole = await page.evaluate(() => document.body.offsetHeight);
      if (path) await page.screenshot({ ...picture, fullPage: false, path });
      await context.close();
      return whole;
    };
    const scale = Math.min(1, height / await take(1));
    await take(scale, join(folder, colorScheme === "light" ? "screenshot.png" : "screenshot-dark.png"));
  }
}

async function main() {
  for (const folder of [options.screenshots, options.gallery]) if (folder) mkdirSync(folder, { recursive: true });
  const gate = await databaseGate();
  browser = await chromium.launch({
    executablePath: CHROMIUM, args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
  });
  try {
    if (options.screenshots) {
      // Sites as somebody would have them.
      const origin = await startHandler(DATABASE_URL, { FOOTFALL_SITES: [ORDINARY, "shop.example.com", "docs.example.com"].join(",") });
      await importLog(ORDINARY, ordinaryLog(began, 60, 640));
      await takeScreenshots(origin, options.screenshots);
      return true;
    }
    const origin = await startHandler(gate.url);
    await about("imports", async () => {
      const hostileDay = Math.floor(began / DAY) - 3;
      for (const [site, log] of [[ORDINARY, ordinaryLog(began, 365, 150)], [HOSTILE, hostileLog(hostileDay)], [FORMER, hostileLog(hostileDay)]]) {
        const summary = await importLog(site, log);
        const lines = log.split("\n").length - 1;
        check(`every line for ${site} is read`, summary.lines === lines && summary.pageviews > 0, summary);
      }
    });
    await checkCounting(origin);
    await atOnce(AT_ONCE, [
      ...viewChecks(origin),
      ...[checkFolded, checkKeyboard, checkTabs, checkLookingInto, checkYear, checkLocale, checkLinks, checkRanges, checkForm,
        checkPrint, checkCompressed, checkHostile].map(check => () => check(origin)),
    ]);
    await checkArrival(origin);
    await checkStillness(origin);
    await checkScript(origin);
    await checkLive(origin);
    await checkWaiting(origin);
    await checkPrivate(await startHandler(DATABASE_URL, { FOOTFALL_DASHBOARD_TOKEN: TOKEN }));
    await checkEmbedded();
    await checkAway(origin, gate);
    await checkDaily();
    // The last one: it deletes what others look at.
    await checkWithoutAllTime();
  } finally {
    await browser.close();
    stopHandlers();
    gate.end();
  }
  return summarize();
}

process.exitCode = await main() ? 0 : 1;
