// The fixtures that every test of the page uses.

import { join } from "node:path";
import { test as base } from "@playwright/test";
import { check } from "../../check.mjs";
import { until } from "../../wait.mjs";
import { createDatabase, FIREFOX, startHandler } from "./sites.mjs";

export { check, checkSoon } from "../../check.mjs";
export { until } from "../../wait.mjs";

/** The largest page before compression, in bytes. */
const LARGEST = 48_000;

export const test = base.extend({
  /** A handler with imported sites, shared by tests that only read. */
  origin: async ({}, use) => use(process.env.ORIGIN),

  /** Starts a handler with its own settings. */
  startHandler: async ({}, use) => {
    const started = [];
    await use(async settings => {
      const handler = await startHandler(settings);
      started.push(handler);
      return handler.origin;
    });
    await Promise.all(started.map(({ stop }) => stop()));
  },

  /** Starts a handler with its own database. `fill` gets the settings and imports numbers. */
  startFresh: async ({ startHandler }, use, testInfo) => {
    let count = 0;
    await use(async ({ settings = {}, fill } = {}) => {
      const name = `fresh_${testInfo.testId.replace(/\W/g, "_")}_${testInfo.repeatEachIndex}_${count++}`.toLowerCase();
      const all = { ...settings, DATABASE_URL: createDatabase(name) };
      const origin = await startHandler(all);
      await fill?.(all);
      return origin;
    });
  },

  /**
   * Opens a page in a browser context of its own. The test fails if the page requests another origin than `from`, or if the
   * console shows a message that `expected` does not accept. Depends on `startHandler`, so that pages are closed before their handler
   * stops: a request at that time would be refused, and the console would show it.
   */
  newPage: async ({ browser, origin, startHandler: _ }, use) => {
    const conclusions = [];
    await use(async ({ from = origin, expected = () => false, ...options } = {}) => {
      const context = await browser.newContext({ userAgent: FIREFOX, locale: "en-GB", timezoneId: "UTC", ...options });
      context.setDefaultTimeout(60_000);
      const messages = [];
      const others = [];
      context.on("console", message => {
        const isProblem = ["error", "warning"].includes(message.type());
        if (isProblem && !expected(message.text(), message.location().url)) messages.push(message.text());
      });
      context.on("weberror", error => messages.push(String(error.error())));
      context.on("request", request => {
        const url = request.url();
        if (![from].flat().some(known => url.startsWith(`${known}/`)) && !url.startsWith("data:")) others.push(url);
      });
      conclusions.push(async () => {
        check(
          "the console is empty, so nothing breaks the Content-Security-Policy",
          messages.length === 0,
          messages.slice(0, 5),
        );
        check("the page requests no other origin", others.length === 0, others.slice(0, 5));
        await context.close();
      });
      return context.newPage();
    });
    for (const conclude of conclusions) await conclude();
  },
});

/** Matches Chromium's console message about a response with one of these statuses. */
export const isStatus =
  (...statuses) =>
  text =>
    statuses.some(status =>
      text.startsWith(`Failed to load resource: the server responded with a status of ${status}`),
    );

/** Opens an address and checks the status and the size of the response. */
export async function open(page, address, status = 200) {
  const response = await page.goto(address);
  const name = `${new URL(address).pathname}${new URL(address).search}`;
  check(`${name} has status ${status}`, response.status() === status, response.status());
  const { length } = await response.body();
  check(`${name} has at most ${LARGEST} bytes`, length <= LARGEST, length);
  return response;
}

/** Clicks, and waits until the next page has loaded, which a click alone does not promise. */
export async function follow(page, locator) {
  await Promise.all([page.waitForEvent("load"), locator.click()]);
}

/** Hides the page, whose clock is installed, and shows it again. `requests` returns how many updates were requested. */
export async function checkHidden(page, requests) {
  await page.evaluate(() => Object.defineProperty(document, "hidden", { value: true, configurable: true }));
  const before = requests();
  await page.clock.runFor(60_000);
  check("a hidden page sends no request", requests() === before, [before, requests()]);
  await page.evaluate(() => {
    delete document.hidden;
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await until("the page is updated at once when it is shown again", async () => requests() === before + 1);
}

/** The fragment of the address, read in the page, because `page.url()` changes later. */
export const fragment = page => page.evaluate(() => location.hash);

export const picture = { fullPage: true, caret: "initial", animations: "allow" };

/** Keeps a picture of the page for `check-page --gallery`. */
export async function keepPicture(page, name) {
  const { GALLERY } = process.env;
  if (GALLERY) await page.screenshot({ ...picture, path: join(GALLERY, `${name.replaceAll(/[^\w-]+/g, "_")}.png`) });
}
