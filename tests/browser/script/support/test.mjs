// The fixtures and the form of the tests: each opens a page of a site, and the counter gets each view and event exactly
// once.

import { isDeepStrictEqual } from "node:util";
import { chromium, test as base } from "@playwright/test";
import { check } from "../../check.mjs";
import { startHandler } from "../../handler.mjs";
import { until } from "../../wait.mjs";
import { startChromium } from "./chromium.mjs";
import { startFirefox } from "./firefox.mjs";
import {
  CHROME,
  CHROMIUM,
  DATABASE_URL,
  FIREFOX,
  FLAGS,
  FOOTFALL_URL,
  HANDLER,
  HOSTS,
  inFirefox,
  SITE,
} from "./places.mjs";
import { startCounter, startSite } from "./servers.mjs";
import { ExpectedStatistics } from "./statistics.mjs";

export { check } from "../../check.mjs";
export { until } from "../../wait.mjs";

/** Long enough for a surplus request to arrive: longer than the interval at which the script reads the address. */
const SETTLED = 400;
export const settled = () => new Promise(resolve => setTimeout(resolve, SETTLED));

const FIELDS = ["s", "p", "z", "w", "r", "c", "e", "o"];

export const test = base.extend({
  /** The address of a real handler, if there is one. */
  upstream: [
    async ({}, use) => {
      if (!HANDLER) return use(FOOTFALL_URL);
      const { PATH, HOME } = process.env;
      const { origin, stop } = await startHandler(HANDLER, {
        PATH,
        HOME,
        DATABASE_URL,
        FOOTFALL_SITES: SITE,
        FOOTFALL_LOG: "warn",
        FOOTFALL_RATE_LIMIT: "off",
        // The counter is a proxy.
        FOOTFALL_TRUSTED_PROXIES: "1",
      });
      await use(origin);
      await stop();
    },
    { scope: "worker" },
  ],

  expectedStatistics: [
    async ({ upstream }, use) => use(await ExpectedStatistics.startingNow(upstream)),
    { scope: "worker" },
  ],

  servers: [
    async ({ upstream }, use) => {
      const counter = await startCounter(upstream);
      const site = await startSite(counter);
      await use({ counter, site });
      counter.end();
      site.end();
    },
    { scope: "worker" },
  ],

  counter: async ({ servers: { counter } }, use) => {
    counter.reset();
    await use(counter);
  },

  site: async ({ servers: { site } }, use) => {
    site.reset();
    await use(site);
  },

  /** Chromium through Playwright, or Debian's Firefox through WebDriver BiDi. */
  driver: [
    async ({}, use) => {
      const driver = inFirefox
        ? await startFirefox(FIREFOX, HOSTS)
        : await chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS, "--disable-background-networking"] });
      await use(driver);
      await driver.close();
    },
    { scope: "worker" },
  ],

  /** A browser with its default behaviour of tabs. */
  tabs: async ({}, use) => {
    const flags = ["--enable-features=BackForwardCache", "--disable-features=Prerender2MemoryControls"];
    const tabs = inFirefox
      ? await startFirefox(FIREFOX, HOSTS)
      : await startChromium(CHROMIUM, [...FLAGS, `--user-agent=${CHROME}`, ...flags]);
    await use(tabs);
    await tabs.close();
  },

  /** Checks that the counter gets exactly these requests. Each contains only the fields that differ between tests. */
  expectRecords: async ({ counter, site, expectedStatistics }, use) => {
    await use(async (expected, { origin = site.origin, isAsWanted = () => true } = {}) => {
      await until("all requests have arrived", async () => counter.records.length >= expected.length).catch(() => {});
      await settled();
      const { records } = counter;
      await until("all requests have a response", async () =>
        records.every(({ status }) => status !== undefined),
      ).catch(() => {});
      const bodies = records.map(({ text }) => {
        try {
          const { s, z, w, c, ...body } = JSON.parse(text);
          return { ...body, ...(c && Object.keys(c).length > 0 && { c }) };
        } catch {
          return text;
        }
      });
      // The network can change the order of two requests.
      const inOrder = bodies => bodies.map(body => JSON.stringify(body)).sort();
      check(
        "each view and event is sent once, and nothing else",
        isDeepStrictEqual(inOrder(bodies), inOrder(expected)),
        bodies,
      );
      for (const record of records) checkRecord(record, origin, isAsWanted, expectedStatistics);
    });
  },
});

function checkRecord({ method, headers, text, status }, origin, isAsWanted, expectedStatistics) {
  const body = method === "POST" ? JSON.parse(text) : {};
  check("the request is a POST without a preflight", method === "POST", method);
  check("the content type is text", headers["content-type"] === "text/plain;charset=UTF-8", headers["content-type"]);
  check("the request has no cookie", headers.cookie === undefined, headers.cookie);
  check("the request names the origin", headers.origin === origin, headers.origin);
  check("the referrer is only the origin", headers.referer === `${origin}/`, headers.referer);
  check("the request is not marked as a prefetch", !headers["sec-purpose"], headers["sec-purpose"]);
  check(
    "the body has no unknown field",
    Object.keys(body).every(field => FIELDS.includes(field)),
    text,
  );
  check(
    "the body names site, time zone and width",
    body.s === SITE && /^[\w/]+$/.test(body.z) && ["s", "m", "l"].includes(body.w),
    text,
  );
  check("the body is small", text.length < 600, text.length);
  check("the counter accepts the request", status === 204, status);
  check("the request is as this test wants it", isAsWanted({ headers, body }), { headers, body });
  if (status !== 204) return;
  if (body.o) expectedStatistics.add("all", "own");
  else if (body.e) expectedStatistics.add("events", body.e);
  else {
    expectedStatistics.add("all", "pageviews");
    // The handler stores paths decoded, except for characters that separate parts.
    expectedStatistics.add("pages", decodeURI(body.p));
  }
}

/**
 * The body of a test that opens a page at `path`, from the address `before` if given, and runs `steps` there. `pages`
 * describes other pages by their paths. The counter must get exactly the requests in `sent`. `expected` accepts messages of the console. `options` and `sent` can
 * be functions of the two servers.
 */
export function visit(options, steps, sent) {
  return async ({ driver, counter, site, expectRecords }) => {
    const resolve = value => (typeof value === "function" ? value({ counter, site }) : value);
    const {
      page: special,
      pages = {},
      path = "/",
      before,
      context: contextOptions,
      init,
      expected = () => false,
      route,
      isAsWanted,
    } = resolve(options);
    if (special) site.pages.set(new URL(path, site.origin).pathname, special);
    for (const [address, page] of Object.entries(pages)) site.pages.set(address, page);
    const context = await driver.newContext({
      userAgent: CHROME,
      locale: "en-GB",
      timezoneId: "Europe/Berlin",
      ...contextOptions,
    });
    context.setDefaultTimeout(60_000);
    const messages = [];
    const types = new Set();
    context.on("console", message => {
      if (["error", "warning"].includes(message.type()) && !expected(message.text())) messages.push(message.text());
    });
    // Firefox reports a refused request as an error of the page.
    context.on("weberror", error => {
      if (!inFirefox || !expected(String(error.error()))) messages.push(String(error.error()));
    });
    if (!inFirefox)
      context.on("request", request => {
        if (request.method() !== "GET") types.add(request.resourceType());
      });
    if (init) await context.addInitScript(init);
    if (route) await context.route(...route);
    const page = await context.newPage();
    if (before) {
      site.pages.set(new URL(before).pathname, { copies: 0 });
      await page.goto(before);
      const leave = page.evaluate(url => {
        setTimeout(() => {
          location.href = url;
        });
      }, site.origin + path);
      await Promise.all([page.waitForURL(`**${path}`), leave]);
    } else {
      await page.goto(site.origin + path);
    }
    await steps?.(page, { counter, site });
    await expectRecords(resolve(sent), { isAsWanted });
    check("the page sees no error, and the console is empty", messages.length === 0, messages);
    // Block lists distinguish a fetch from a beacon. Firefox does not report the type.
    if (!inFirefox)
      check(
        "each request is a fetch",
        [...types].every(type => type === "fetch"),
        [...types],
      );
    await context.close();
  };
}

/** The body of the last test of a file: a real handler has counted the requests of the file. */
export function checkStatistics({ country } = {}) {
  return async ({ upstream, expectedStatistics }) => {
    test.skip(!upstream, "there is no real handler");
    const { countries } = await expectedStatistics.check();
    if (country) check("the country is known from the time zone", countries.has(country), [...countries]);
  };
}
