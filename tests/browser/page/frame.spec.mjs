// The page in a frame of another site.

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { days, statistics } from "./support/numbers.mjs";
import { date, environment, HANDLER, ORDINARY, OWN, TOKEN } from "./support/sites.mjs";
import { check, checkSoon, follow, keepPicture, test as base, until } from "./support/test.mjs";

const test = base.extend({
  /** A page of another site, which embeds the frame that its query names. The server has two names, so two origins. */
  around: async ({}, use) => {
    const server = createServer((request, reply) => {
      const frame = new URL(request.url, "http://localhost").searchParams.get("frame");
      const source = frame?.replaceAll("&", "&amp;");
      const tag = `<iframe title="Visitors" width="100%" height="1000" src="${source}"></iframe>`;
      reply.setHeader("content-type", "text/html; charset=utf-8");
      reply.end(`<!doctype html><html lang="en"><title>Another site</title>${frame ? tag : ""}`);
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address();
    await use({ allowed: `http://127.0.0.1:${port}`, other: `http://localhost:${port}` });
    server.close();
  },
});

const frameOf = (around, address) => `${around}/?frame=${encodeURIComponent(address)}`;
const numbers = page => page.frameLocator("iframe").locator("[data-range=pageviews]");

test("in a frame of an allowed origin", async ({ newPage, startHandler, around: { allowed } }) => {
  const from = await startHandler({ FOOTFALL_EMBED: allowed });
  const page = await newPage({ from: [from, allowed] });
  await page.goto(frameOf(allowed, `${from}/?embed&site=${ORDINARY}&period=7d`));
  await numbers(page).waitFor();
  const { range } = await statistics(from, `?site=${ORDINARY}&period=7d`);
  check(
    "the frame shows the numbers",
    Number((await numbers(page).textContent()).replaceAll(",", "")) === range.pageviews && range.pageviews > 0,
    range,
  );
  const tabs = page.frameLocator("iframe").locator(".tabs a");
  await tabs.last().click();
  await checkSoon("the lists can be selected", async () => (await tabs.last().getAttribute("aria-current")) === "true");
  await keepPicture(page, "in a frame");
  const link = page.frameLocator("iframe").getByText("Open in Footfall");
  const [opened] = await Promise.all([page.context().waitForEvent("page"), link.click()]);
  await opened.locator("header").waitFor();
  check(
    "the link opens the page in another tab",
    new URL(opened.url()).search === `?site=${ORDINARY}&period=7d`,
    opened.url(),
  );
});

test("views of a frame are not counted", async ({ newPage, startFresh, around: { allowed } }) => {
  const from = await startFresh({ settings: { FOOTFALL_EMBED: allowed } });
  const page = await newPage({ from: [from, allowed] });
  const views = async () => (await statistics(from)).pageviews.today;
  const before = await views();
  await page.goto(frameOf(allowed, `${from}/?embed&site=${ORDINARY}`));
  await page.frameLocator("iframe").locator("h1, h2").first().waitFor();
  await page.goto(`${from}/?site=${ORDINARY}`);
  // The cached response can be a second old.
  await until("the opened page is counted", async () => (await views()) > before);
  check("only the opened page is counted", (await views()) === before + 1, [before, await views()]);
});

const REFUSED = [
  ["another origin", "other", `/?embed&site=${ORDINARY}`],
  ["an allowed origin, without embed", "allowed", `/?site=${ORDINARY}`],
];
for (const [name, key, path] of REFUSED) {
  test(`refused in a frame of ${name}`, async ({ newPage, startHandler, around }) => {
    const from = await startHandler({ FOOTFALL_EMBED: around.allowed });
    const refusals = [];
    const page = await newPage({
      from: [from, around[key]],
      expected: text => /frame-ancestors/.test(text) && refusals.push(text) > 0,
    });
    await page.goto(frameOf(around[key], from + path));
    await until("the browser logs the refusal", async () => refusals.length > 0);
    await checkSoon(
      "the frame shows no numbers",
      async () => (await numbers(page).count()) === 0 && page.frames()[1].url().startsWith("chrome-error:"),
      () => page.frames().map(frame => frame.url()),
    );
  });
}

test("private numbers in a frame, with a shared link", async ({ newPage, startHandler, around: { allowed } }) => {
  const settings = { FOOTFALL_DASHBOARD_TOKEN: TOKEN, FOOTFALL_EMBED: allowed };
  const from = await startHandler(settings);
  const link = execFileSync(HANDLER, ["share", "--site", ORDINARY, "--name", "frame"], {
    env: environment(settings),
    encoding: "utf8",
  });
  const shared = from + link.trim().slice(`https://${OWN}`.length);
  const page = await newPage({ from: [from, allowed] });
  await page.goto(frameOf(allowed, `${shared}&embed`));
  await numbers(page).waitFor();
  const statuses = await page
    .frames()[1]
    .evaluate(async () => {
      const found = [];
      // One after the other, because only a few queries of one network may wait.
      for (const { href } of document.querySelectorAll("a[href]")) found.push((await fetch(href)).status);
      return found;
    });
  check(
    "links in the frame keep the shared link",
    statuses.length > 2 && statuses.every(status => status === 200),
    statuses,
  );
  await page.goto(shared);
  await follow(page, page.locator("[aria-label=Range] a", { hasText: "7 days" }));
  check("links of the page keep the shared link", (await days(page)).join() === [date(6), date(0)].join(), page.url());
  await page.locator(".dates summary").click();
  await follow(page, page.getByRole("button", { name: "Apply" }));
  check(
    "the form keeps the shared link",
    (await page.locator("h1").textContent()) === ORDINARY && new URL(page.url()).searchParams.has("share"),
    page.url(),
  );
});
