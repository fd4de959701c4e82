// The choice among many sites, and the overview.

import { openAndLook, SCRIPT_MODES } from "./support/look.mjs";
import { CHROME, FIREFOX, ORDINARY } from "./support/sites.mjs";
import { check, checkHidden, checkSoon, follow, keepPicture, open, test } from "./support/test.mjs";

const names = Array.from({ length: 300 }, (_, number) => `site-${number}.example`);

for (const [javaScriptEnabled, mode] of SCRIPT_MODES) {
  test(`many sites${mode}`, async ({ newPage, startHandler }) => {
    const from = await startHandler({ FOOTFALL_SITES: names.join(",") });
    const page = await newPage({ from, javaScriptEnabled });
    await open(page, `${from}/`);
    const search = page.locator("header [type=search]");
    await search.fill("site-12");
    if (javaScriptEnabled) {
      const options = () => page.locator("#found option").evaluateAll(options => options.map(({ value }) => value));
      await checkSoon(
        "the search suggests names",
        async () => (await options()).includes("site-12.example") && (await options()).length === 11,
        options,
      );
      const loaded = page.waitForEvent("load");
      await search.fill("site-12.example");
      await loaded;
      check("a suggestion opens the site", (await page.locator("h1").textContent()) === "site-12.example", page.url());
    }
    await page.locator("header [type=search]").fill("site-12");
    await follow(page, page.getByRole("button", { name: "Search" }));
    const links = await page.locator("#overview a").allTextContents();
    check("the search lists the sites", links.length === 11 && links.includes("site-129.example"), links);
    await follow(page, page.locator("#overview a", { hasText: "site-129.example" }));
    check("a link opens the site", (await page.locator("h1").textContent()) === "site-129.example", page.url());
    await follow(page, page.getByRole("link", { name: "All sites" }));
    check("the list begins with all sites", (await page.locator("#overview a").count()) === 100);
    for (const part of ["101 to 200", "201 to 300", "301 to 301"]) {
      await follow(page, page.getByRole("link", { name: "Next sites" }));
      const summary = await page.locator(".note").first().textContent();
      check(`the list leads to the sites ${part}`, summary === `Sites ${part} of 301`, summary);
    }
    await follow(page, page.getByRole("link", { name: "Previous sites" }));
    check("the list leads back", (await page.locator("#overview a").first().textContent()) === "site-200.example");
  });

  test(`list of sites${mode}`, async ({ newPage, startHandler }) => {
    const from = await startHandler({ FOOTFALL_SITES: names.join(",") });
    await openAndLook(newPage, `${from}/`, "page of many sites", { javaScriptEnabled, from });
    await openAndLook(newPage, `${from}/api/sites`, "list of sites", { javaScriptEnabled, from });
  });
}

for (const [javaScriptEnabled, mode] of SCRIPT_MODES) {
  test(`overview of a few sites${mode}`, async ({ newPage, origin }) => {
    const page = await newPage({ javaScriptEnabled });
    await open(page, `${origin}/`);
    await follow(page, page.locator(".brand a"));
    const names = await page.locator("#overview a").allTextContents();
    check("the name leads to the overview", names.length === 5 && names[0] === ORDINARY, names);
    const days = await page.locator("#overview title").first().textContent();
    check("the line of a site has its days as text", /^Visitors by day: ([\d,]+, ){6}[\d,]+$/.test(days), days);
    await openAndLook(newPage, `${origin}/api/sites`, "overview", { javaScriptEnabled });
    await follow(page, page.locator("#overview a").first());
    check("a link opens the site", (await page.locator("h1").textContent()) === ORDINARY);
  });
}

test("live overview", async ({ newPage, startFresh }) => {
  const from = await startFresh();
  const count = userAgent =>
    fetch(`${from}/v`, {
      method: "POST",
      headers: { "user-agent": userAgent },
      body: JSON.stringify({ s: ORDINARY, p: "/" }),
    });
  check("a view is counted", (await count(FIREFOX)).status === 204);
  const page = await newPage({ from });
  let requests = 0;
  page.on("request", request => {
    requests += request.url().includes("/api/sites");
  });
  await page.clock.install();
  await open(page, `${from}/api/sites`);
  const row = page.locator("#overview tr", { hasText: ORDINARY });
  const today = () => row.locator("td").nth(1).textContent();
  const days = () => row.locator("title").textContent();
  check("the visitor is shown", (await today()) === "1", await today());
  await row.locator("a").focus();
  check("another visitor is counted", (await count(CHROME)).status === 204);
  // A reading is shared for a second.
  await checkSoon(
    "the visitors are updated every ten seconds",
    async () => {
      await page.clock.runFor(10_000);
      return (await today()) === "2" && (await days()).endsWith(", 2");
    },
    today,
  );
  check("the link keeps the focus", await row.locator("a").evaluate(link => link === document.activeElement));
  await checkHidden(page, () => requests);
  await keepPicture(page, "live overview");
});
