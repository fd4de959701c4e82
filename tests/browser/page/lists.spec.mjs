// The lists: tabs, search, and the pages of a referrer.

import { SCRIPT_MODES } from "./support/look.mjs";
import { asJson } from "./support/numbers.mjs";
import { date, ORDINARY } from "./support/sites.mjs";
import { check, checkSoon, follow, keepPicture, open, test } from "./support/test.mjs";

for (const [javaScriptEnabled, mode] of SCRIPT_MODES) {
  test(`tabs${mode}`, async ({ newPage, origin }) => {
    const expected = text => text.includes("net::ERR_FAILED");
    const page = await newPage({ javaScriptEnabled, expected });
    await open(page, `${origin}/?site=${ORDINARY}`);
    const opened = () => page.locator(".tabs [aria-current]").allTextContents();
    const headings = () => page.locator(".lists h3").allTextContents();
    check("the first group of lists is open", (await opened()).join() === "Pages", await opened());
    check("only the lists of this group are read", (await headings()).join() === "Pages,Entry pages", await headings());
    const tab = page.locator(".tabs a", { hasText: "Sources" });
    await tab.focus();
    const place = await page.locator(".tabs").boundingBox();
    await (javaScriptEnabled ? page.keyboard.press("Enter") : follow(page, tab));
    await checkSoon(
      "a tab opens another group",
      async () => (await opened()).join() === "Sources" && (await headings()).includes("Referrers"),
      headings,
    );
    const address = new URL(await page.evaluate(() => location.href));
    check("the address names the group", address.searchParams.get("lists") === "sources", address.href);
    if (javaScriptEnabled) {
      check("the tabs stay in their place", (await page.locator(".tabs").boundingBox()).y === place.y);
      check("the focus stays on the tab", await tab.evaluate(link => link === document.activeElement));
    }
    await follow(page, page.locator("[aria-label=Range] a", { hasText: "7 days" }));
    check("another range keeps the group", (await opened()).join() === "Sources", page.url());
    await page.locator(".dates summary").click();
    await page.locator("[name=from]").fill(date(5));
    await follow(page, page.getByRole("button", { name: "Apply" }));
    check("the form keeps the group", (await opened()).join() === "Sources", page.url());
    if (!javaScriptEnabled) return;
    await page.locator(".tabs a", { hasText: "Technology" }).click();
    await page.locator(".tabs a", { hasText: "Pages" }).click();
    await checkSoon("the last of two tabs is shown", async () => (await headings())[0] === "Pages", headings);
    await page.route(/lists=technology/, route => route.abort(), { times: 1 });
    await follow(page, page.locator(".tabs a", { hasText: "Technology" }));
    check("a tab that fails loads its page", (await opened()).join() === "Technology", page.url());
    await page.goto(`${origin}/?site=${ORDINARY}`);
  });

  test(`whole list${mode}`, async ({ newPage, origin }) => {
    const page = await newPage({ javaScriptEnabled });
    await open(page, `${origin}/?site=${ORDINARY}`);
    const { pages, list_lengths } = await asJson(page);
    await follow(page, page.getByRole("link", { name: `All ${list_lengths.pages} pages` }));
    const rows = () => page.locator(".lists tbody bdi").allTextContents();
    check("the whole list is shown", (await rows()).length === Math.min(50, list_lengths.pages), await rows());
    await follow(page, page.locator(".list th a", { hasText: "Pageviews" }));
    const most = Math.max(...pages.map(({ pageviews }) => pageviews));
    const first = await page.locator(".list tbody tr").first().locator("td").nth(3).textContent();
    check("a column sorts the list", first.trim() === most.toLocaleString("en"), [first, most]);
    await page.locator("main [type=search]").fill("DOCS");
    await follow(page, page.locator(".lists").getByRole("button", { name: "Search" }));
    const found = await rows();
    check("the search filters the list", found.length > 1 && found.every(row => row.includes("docs")), found);
    check("the order stays", (await page.locator("[aria-sort]").textContent()) === "Pageviews", page.url());
    await follow(page, page.locator("[aria-label=Range] a", { hasText: "7 days" }));
    check("another range keeps the list", (await page.locator("main [type=search]").count()) === 1, page.url());
    await page.locator("main [type=search]").fill("nowhere at all");
    await follow(page, page.locator(".lists").getByRole("button", { name: "Search" }));
    check("a search can match nothing", (await page.locator(".lists .note").first().textContent()) === "No match.");
    const tab = page.locator(".tabs a", { hasText: "Sources" });
    await (javaScriptEnabled ? tab.click() : follow(page, tab));
    const headings = () => page.locator(".lists h3").allTextContents();
    await checkSoon("a tab leaves the whole list", async () => (await headings()).includes("Referrers"), headings);
    await follow(page, page.locator("[aria-label=Range] a", { hasText: "30 days" }));
    check("another range keeps the tab", (await headings()).includes("Referrers"), page.url());
  });

  test(`campaigns${mode}`, async ({ newPage, origin }) => {
    const page = await newPage({ javaScriptEnabled });
    await open(page, `${origin}/?site=${ORDINARY}&lists=sources`);
    const lists = await page.locator(".lists h3").allTextContents();
    const expected = ["Campaign sources", "Campaign mediums", "Campaigns", "Campaign links"];
    check("each part of a campaign has a list", expected.every(heading => lists.includes(heading)), lists);
    const { campaign_sources, campaign_links } = await asJson(page);
    const links = await page.locator(".list a", { hasText: "letter / email / " }).count();
    check("links show the parts that came together", links === campaign_links.length, campaign_links);
    await follow(page, page.locator(".list a", { hasText: /^\s*letter\s*$/ }));
    const shown = (await page.locator("[data-range=visitors]").textContent()).trim();
    const { visitors } = campaign_sources[0];
    check("a source has its visitors", shown === visitors.toLocaleString("en"), [shown, visitors]);
    const tabs = (await page.locator(".tabs a").allTextContents()).join();
    check("a source has the lists of its visitors", tabs.includes("Technology"), tabs);
    await keepPicture(page, `campaigns${mode}`);
  });

  test(`combination${mode}`, async ({ newPage, origin }) => {
    const page = await newPage({ javaScriptEnabled });
    await open(page, `${origin}/?site=${ORDINARY}&lists=technology`);
    const row = heading => page.locator(".lists > div", { has: page.locator("h3", { hasText: heading }) }).locator(".list a").first();
    await follow(page, row("Browsers"));
    check("the tab stays", (await page.locator(".tabs [aria-current]").textContent()) === "Technology" && (await row("Devices").count()) === 1, page.url());
    await follow(page, row("Devices"));
    const { filter, range } = await asJson(page);
    check("the page has both values", "browser" in filter && "device" in filter, filter);
    const shown = (await page.locator("[data-range=visitors]").textContent()).trim();
    check("the page shows the visitors who have both", range.visitors > 0 && shown === range.visitors.toLocaleString("en"), range);
    check("each value has a chip", (await page.locator("h1 .chip").count()) === 2);
    await keepPicture(page, `combination${mode}`);
    await follow(page, page.getByRole("link", { name: "Remove the filter" }).first());
    check("one value can be removed", Object.keys((await asJson(page)).filter).length === 1, page.url());
    // The other visitors, and back.
    const chip = page.locator("h1 .chip");
    await follow(page, chip.getByRole("link", { name: "is", exact: true }));
    const [device] = Object.values((await asJson(page)).filter).flat();
    check("a value can be excluded", device.startsWith("!") && (await chip.textContent()).includes("is not"), device);
    const line = page.locator(".lists tr", { has: page.locator(".not") }).first();
    const other = await line.locator("bdi").textContent();
    await line.hover();
    await follow(page, line.getByRole("link", { name: `not ${other}` }));
    check("and another one of a list, too", (await chip.count()) === 2 && (await chip.allTextContents()).every(text => text.includes("is not")), page.url());
    await page.goBack();
    await follow(page, chip.getByRole("link", { name: "is not" }));
    check("and chosen again", Object.values((await asJson(page)).filter).flat()[0] === device.slice(1), page.url());
  });

  test(`codes and words${mode}`, async ({ newPage, origin }) => {
    const page = await newPage({ javaScriptEnabled });
    await open(page, `${origin}/?site=${ORDINARY}&lists=locations`);
    const rows = await page.locator(".list bdi").allTextContents();
    check("languages without a name are Unknown, as countries are", rows.length > 0 && !rows.includes("unknown") && rows.includes("Unknown"), rows);
    await open(page, `${origin}/?site=${ORDINARY}&country=!DE`);
    const chip = await page.locator("h1 .chip").textContent();
    check("an excluded country has its name", chip.includes(javaScriptEnabled ? "is not Germany" : "is not DE"), chip);
    await open(page, `${origin}/?site=${ORDINARY}&period=today&country=DE&browser=Nothing`);
    check("a combination without visitors says so", (await page.locator(".about").textContent()).includes("No visitors match the filter in this period."));
    await open(page, `${origin}/?site=${ORDINARY}&page=/blog/`);
    const opened = page.locator("h1 .chip").getByRole("link", { name: "Open the page" });
    check("a chip links to its page", (await opened.getAttribute("href")) === `https://${ORDINARY}/blog/`);
  });

  test(`pages of a referrer${mode}`, async ({ newPage, origin }) => {
    const page = await newPage({ javaScriptEnabled });
    await open(page, `${origin}/?site=${ORDINARY}`);
    const { referrers } = await asJson(page);
    const host = referrers[0].value;
    const tab = page.locator(".tabs a", { hasText: "Sources" });
    await (javaScriptEnabled ? tab.click() : follow(page, tab));
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
      (await page.locator("h1").textContent()).includes(host) && (await page.locator("h3").allTextContents()).join() === "Pages" &&
        views === found.referrals.pages[0].pageviews.toLocaleString("en"),
    );
    const all = page.getByRole("link", { name: `All ${found.list_lengths.pages} pages` });
    await follow(page, all);
    const whole = await page.locator(".lists tbody bdi").allTextContents();
    check("all pages of the referrer are listed", whole.length === found.referrals.pages.length, whole);
    await page.locator("main [type=search]").fill("DOCS");
    await follow(page, page.locator(".lists").getByRole("button", { name: "Search" }));
    const searched = await page.locator(".lists tbody bdi").allTextContents();
    check("the search filters them", searched.length > 0 && searched.every(row => row.includes("docs")), searched);
    check("the list keeps the referrer", (await page.locator("h1").textContent()).includes(host), page.url());
    await page.goBack();
    await page.goBack();
    const sum = found.referrals.pages.reduce((sum, { pageviews }) => sum + pageviews, 0);
    check("the pageviews add up to the referrer's", sum === referrers[0].pageviews, [sum, referrers[0]]);
    await follow(page, page.locator(".list a").first());
    const answer = (await asJson(page)).referrals;
    check(
      "a page leads to its referrers",
      answer.page === found.referrals.pages[0].value && answer.referrers.some(({ value }) => value === host),
      answer,
    );
    const shown = async () => (await page.locator("[data-range=visitors]").textContent()).trim();
    const { range } = await asJson(page);
    check("the page shows the value's visitors", (await shown()) === range.visitors.toLocaleString("en"), range);
    await follow(page, page.getByRole("link", { name: "7 days" }));
    check("another range keeps the value", (await asJson(page)).referrals.page === answer.page, page.url());
    await page.goBack();
    check("back leads to the range before", (await shown()) === range.visitors.toLocaleString("en"), page.url());
    await follow(page, page.getByRole("link", { name: "Remove the filter" }));
    await checkSoon(
      "a link leads back to all lists",
      async () => (await page.locator(".tabs [aria-current]").allTextContents()).join() === "Pages",
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
