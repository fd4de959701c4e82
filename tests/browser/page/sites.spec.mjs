// The choice among many sites.

import { openAndLook, SCRIPT_MODES } from "./support/look.mjs";
import { check, checkSoon, follow, open, test } from "./support/test.mjs";

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
    const links = await page.locator(".sites a").allTextContents();
    check("the search lists the sites", links.length === 11 && links.includes("site-129.example"), links);
    await follow(page, page.locator(".sites a", { hasText: "site-129.example" }));
    check("a link opens the site", (await page.locator("h1").textContent()) === "site-129.example", page.url());
    await follow(page, page.getByRole("link", { name: "All sites" }));
    check("the list begins with all sites", (await page.locator(".sites a").count()) === 100);
  });

  test(`list of sites${mode}`, async ({ newPage, startHandler }) => {
    const from = await startHandler({ FOOTFALL_SITES: names.join(",") });
    await openAndLook(newPage, `${from}/`, "page of many sites", { javaScriptEnabled, from });
    await openAndLook(newPage, `${from}/api/sites`, "list of sites", { javaScriptEnabled, from });
  });
}
