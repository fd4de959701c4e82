// The lists: tabs, search, and the pages of a referrer.

import { SCRIPT_MODES } from "./support/look.mjs";
import { asJson } from "./support/numbers.mjs";
import { ORDINARY } from "./support/sites.mjs";
import { check, checkSoon, follow, fragment, keepPicture, open, test } from "./support/test.mjs";

for (const [javaScriptEnabled, mode] of SCRIPT_MODES) {
  test(`tabs${mode}`, async ({ newPage, origin }) => {
    const page = await newPage({ javaScriptEnabled });
    await open(page, `${origin}/?site=${ORDINARY}`);
    const shown = () => page.locator(".lists").evaluateAll(lists => lists.map(list => list.checkVisibility()));
    check(
      "the first group of lists is shown",
      (await shown()).filter(Boolean).length === 1 && (await shown())[0],
      await shown(),
    );
    await page.locator("[name=tab]").first().focus();
    await page.keyboard.press("ArrowRight");
    await checkSoon(
      "the arrow keys select the next group",
      async () => (await shown())[1] && !(await shown())[0],
      shown,
    );
    await page.locator("fieldset label").last().click();
    await checkSoon("a click selects another group", async () => (await shown()).at(-1), shown);
    if (!javaScriptEnabled) return;
    const key = await page.locator("[name=tab]:checked").inputValue();
    await checkSoon(
      "the address names the group",
      async () => (await fragment(page)) === `#${key}`,
      () => page.url(),
    );
    await follow(page, page.locator("nav a", { hasText: "7 days" }));
    check("another range keeps the group", (await page.locator("[name=tab]:checked").inputValue()) === key, page.url());
    await page.locator("[name=tab]").first().check();
    await page.locator(".lists summary").first().click();
    await page.locator("[type=search]").fill("docs");
    const rows = () =>
      page.locator(".lists").first().locator("> div").first().locator("tbody tr:visible bdi").allTextContents();
    await checkSoon(
      "the search filters a long list",
      async () => (await rows()).length > 1 && (await rows()).every(row => row.includes("docs")),
      rows,
    );
  });

  test(`pages of a referrer${mode}`, async ({ newPage, origin }) => {
    const page = await newPage({ javaScriptEnabled });
    await open(page, `${origin}/?site=${ORDINARY}`);
    const { referrers } = await asJson(page);
    const host = referrers[0].value;
    await page.locator("label", { hasText: "Sources" }).click();
    await follow(page, page.locator(".list a", { hasText: host }).first());
    const found = await asJson(page);
    check(
      "a referrer leads to its pages",
      found.referrals.referrer === host && found.referrals.pages.length > 0,
      found.referrals,
    );
    const views = (await page.locator(".lists tbody tr").first().locator("td").last().textContent()).trim();
    check(
      "the list shows pages and pageviews",
      (await page.locator("h3").textContent()) === `Pages reached from ${host}` &&
        views === found.referrals.pages[0].pageviews.toLocaleString("en"),
    );
    const sum = found.referrals.pages.reduce((sum, { pageviews }) => sum + pageviews, 0);
    check("the pageviews add up to the referrer's", sum === referrers[0].pageviews, [sum, referrers[0]]);
    await follow(page, page.locator(".list a").first());
    const answer = (await asJson(page)).referrals;
    check(
      "a page leads to its referrers",
      answer.page === found.referrals.pages[0].value && answer.referrers.some(({ value }) => value === host),
      answer,
    );
    await follow(page, page.locator("a", { hasText: "All lists" }));
    await checkSoon(
      "a link leads back to all lists",
      async () => (await page.locator("fieldset").count()) === 1 && (await fragment(page)) === "#pages",
      () => page.url(),
    );
    await page.locator("#returning summary").click();
    const { returning } = await asJson(page);
    const { visitors } = returning.at(-2);
    const cell = (await page.locator("#returning tbody tr").nth(1).locator("td").nth(1).textContent()).trim();
    check("returning visitors are listed by week", cell === visitors.toLocaleString("en"), [cell, visitors]);
    await keepPicture(page, `returning${mode}`);
  });
}
