// Debian's Firefox through WebDriver BiDi, with the part of Playwright's interface that the tests use. Playwright
// itself drives only its own build of Firefox.

import puppeteer from "puppeteer-core";

/** Starts a Firefox that resolves these hosts to this machine. */
export async function startFirefox(executablePath, hosts) {
  const firefox = await puppeteer.launch({
    browser: "firefox",
    executablePath,
    headless: true,
    defaultViewport: null,
    extraPrefsFirefox: { "network.dns.localDomains": hosts.join(","), "browser.chrome.site_icons": false },
  });
  return {
    newContext: options => newContext(firefox, options),
    /** A new tab, in front or behind the others. */
    open: async (url, background = false) => {
      const page = await firefox.newPage({ background });
      await page.goto(url);
      return {
        front: () => page.bringToFront(),
        run: expression => page.evaluate(expression),
        close: () => page.close(),
      };
    },
    close: () => firefox.close(),
  };
}

async function newContext(firefox, { viewport = { width: 1280, height: 720 }, timezoneId, extraHTTPHeaders } = {}) {
  const context = await firefox.createBrowserContext();
  const listeners = { console: [], weberror: [] };
  const emit = (event, value) => {
    for (const listener of listeners[event] ?? []) listener(value);
  };
  let timeout = 30_000;
  let init;
  let blocked;
  const newPage = async () => {
    const page = await context.newPage();
    page.setDefaultTimeout(timeout);
    await page.setViewport(viewport);
    if (timezoneId) await page.emulateTimezone(timezoneId);
    if (extraHTTPHeaders) await page.setExtraHTTPHeaders(extraHTTPHeaders);
    if (init) await page.evaluateOnNewDocument(init);
    if (blocked) {
      await page.setRequestInterception(true);
      page.on("request", request => (request.url().endsWith(blocked) ? request.abort() : request.continue()));
    }
    page.on("console", message =>
      emit("console", {
        text: () => message.text(),
        type: () => (message.type() === "warn" ? "warning" : message.type()),
      }),
    );
    page.on("pageerror", error => emit("weberror", { error: () => error }));
    return Object.assign(page, {
      textContent: selector => page.$eval(selector, element => element.textContent),
      // The scripts of the page have run, too.
      waitForURL: pattern =>
        page.waitForFunction(
          end => location.href.endsWith(end) && document.readyState === "complete",
          {},
          pattern.replace("**", ""),
        ),
    });
  };
  return {
    setDefaultTimeout: milliseconds => {
      timeout = milliseconds;
    },
    on: (event, listener) => listeners[event]?.push(listener),
    addInitScript: script => {
      init = script;
    },
    /** Blocks the requests whose address ends with the pattern. The tests route requests for no other purpose. */
    route: pattern => {
      blocked = pattern.replace("**", "");
    },
    newPage,
    close: () => context.close(),
  };
}
