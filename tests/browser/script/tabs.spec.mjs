// Tabs in the background, prerendered pages, and the back/forward cache, in browsers with their default behaviour.

import { inFirefox } from "./support/places.mjs";
import { check, checkStatistics, settled, test, until } from "./support/test.mjs";

/** Chromium decides whether it prerenders, and does not always do so on a busy machine. */
const ATTEMPTS = 5;
const shows = (tab, expression) => until(expression, () => tab.run(expression));

test("a tab in the background counts when it is first shown", async ({ tabs, site, counter, expectRecords }) => {
  const front = await tabs.open("about:blank");
  const tab = await tabs.open(`${site.origin}/`, true);
  await shows(tab, "document.readyState === 'complete'");
  check("the tab is hidden", (await tab.run("document.visibilityState")) === "hidden");
  await settled();
  check("a hidden tab sends nothing", counter.records.length === 0, counter.records);
  await tab.front();
  await shows(tab, "document.visibilityState === 'visible'");
  await front.front();
  await shows(tab, "document.visibilityState === 'hidden'");
  await tab.front();
  await shows(tab, "document.visibilityState === 'visible'");
  await expectRecords([{ p: "/" }]);
});

test.describe("prerendering", () => {
  test.skip(inFirefox, "Firefox prerenders nothing");

  const RULES = '{"prerender":[{"urls":["/after"],"eagerness":"immediate"}]}';

  /** Opens a tab whose page makes Chromium prerender /after. */
  async function openPrerendering({ tabs, site, counter, expectRecords }) {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      counter.reset();
      site.reset();
      site.pages.set("/before", {
        head: `<script type="speculationrules">${RULES}</script>`,
        body: '<a href="/after">next</a>',
      });
      const tab = await tabs.open(`${site.origin}/before`);
      await tab.front();
      await shows(tab, "document.readyState === 'complete' && document.visibilityState === 'visible'");
      const began = await until("Chromium prerenders /after", async () => site.prerendered.has("/after"), 5).then(
        () => true,
        () => false,
      );
      if (began) {
        await until("the first page is counted", async () => counter.records.length > 0);
        // A prerendered page must send nothing, so there is no event to wait for.
        await new Promise(resolve => setTimeout(resolve, 1500));
        return tab;
      }
      await expectRecords([{ p: "/before" }]);
      await tab.close();
    }
    throw new Error(`Chromium has prerendered nothing in ${ATTEMPTS} attempts`);
  }

  test("a prerendered page counts when it is opened", async ({ tabs, site, counter, expectRecords }) => {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const tab = await openPrerendering({ tabs, site, counter, expectRecords });
      check(
        "only the first page is sent",
        counter.records.length === 1 && counter.records[0].text.includes("/before"),
        counter.records,
      );
      await tab.run("document.querySelector('a').click()");
      await shows(tab, "location.pathname === '/after' && document.readyState === 'complete'");
      // On a busy machine Chromium may drop the prerendered page. The page counts once in this case, too.
      const wasPrerendered = (await tab.run("performance.getEntriesByType('navigation')[0].activationStart")) > 0;
      await expectRecords([{ p: "/before" }, { p: "/after", r: site.origin }]);
      await tab.close();
      if (wasPrerendered) return;
    }
    throw new Error(`Chromium has dropped the prerendered page ${ATTEMPTS} times`);
  });

  test("a prerendered page that is not opened does not count", async ({ tabs, site, counter, expectRecords }) => {
    const tab = await openPrerendering({ tabs, site, counter, expectRecords });
    await tab.run("location.href = '/elsewhere'");
    await shows(tab, "location.pathname === '/elsewhere'");
    await expectRecords([{ p: "/before" }, { p: "/elsewhere", r: site.origin }]);
  });
});

test("Firefox prerenders nothing", async ({ tabs }) => {
  test.skip(!inFirefox, "this test is about Firefox");
  const tab = await tabs.open("about:blank");
  check(
    "Firefox knows no speculation rules",
    await tab.run("HTMLScriptElement.supports?.('speculationrules') !== true && !('prerendering' in document)"),
  );
});

test("a page from the back/forward cache counts again", async ({ tabs, site, counter, expectRecords }) => {
  const tab = await tabs.open(`${site.origin}/before`);
  await shows(tab, "location.pathname === '/before' && document.readyState === 'complete'");
  await tab.run(
    "globalThis.loadedOnce = true; addEventListener('pageshow', event => { globalThis.restored = event.persisted; })",
  );
  await tab.run("location.href = '/after'");
  await shows(tab, "location.pathname === '/after' && document.readyState === 'complete'");
  await tab.run("history.back()");
  await shows(tab, "location.pathname === '/before' && globalThis.restored !== undefined");
  check(
    "the page is the same, restored",
    await tab.run("globalThis.loadedOnce === true && globalThis.restored === true"),
  );
  await until("the restored page is counted", async () => counter.records.length === 3);
  await tab.run("history.replaceState({}, '', '/before')");
  await expectRecords([{ p: "/before" }, { p: "/after", r: site.origin }, { p: "/before" }]);
});

test("the handler has counted each request", checkStatistics());
