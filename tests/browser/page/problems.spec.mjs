// Pages for people whose request failed: what happened, and the way back.

import { openAndLook } from "./support/look.mjs";
import { between, date, ORDINARY, TOKEN } from "./support/sites.mjs";
import { check, follow, isStatus, test } from "./support/test.mjs";

/** Opens a page that reports a problem, and follows its link. */
async function lookAndGoBack(newPage, from, path, { status, heading, link, leadsTo }) {
  await openAndLook(newPage, from + path, heading, {
    from,
    status,
    expected: isStatus(status),
    more: async page => {
      const found = await page.locator("h1").textContent();
      check(`${path}: the heading says what happened`, found === heading, found);
      check(`${path}: the title says it, too`, (await page.title()) === `${heading} · Footfall`, await page.title());
      const address = page.url();
      await follow(page, page.getByRole("link", { name: link }));
      check(`${path}: the link leads back`, page.url() === from + leadsTo, page.url());
      await page.goto(address);
    },
  });
}

test("unknown address", ({ newPage, origin }) =>
  lookAndGoBack(newPage, origin, "/no/such/page", {
    status: 404,
    heading: "Page not found",
    link: "Back to the statistics",
    leadsTo: "/",
  }));

test("invalid range", ({ newPage, origin }) =>
  lookAndGoBack(newPage, origin, `/?site=${ORDINARY}&${between(date(5), date(8))}`, {
    status: 400,
    heading: "This range is not valid",
    link: `Show the last 30 days of ${ORDINARY}`,
    leadsTo: `/?site=${ORDINARY}`,
  }));

test("unknown site", ({ newPage, origin }) =>
  lookAndGoBack(newPage, origin, "/?site=unknown.example", {
    status: 404,
    heading: "This site is not counted",
    link: "Back to the statistics",
    leadsTo: "/",
  }));

test("revoked link", async ({ newPage, startHandler }) => {
  const from = await startHandler({ FOOTFALL_DASHBOARD_TOKEN: TOKEN, FOOTFALL_REVOKED_LINKS: "client" });
  await lookAndGoBack(newPage, from, `/?site=${ORDINARY}&share=client.0123456789`, {
    status: 401,
    heading: "This link is no longer valid",
    link: "Sign in",
    leadsTo: `/?site=${ORDINARY}`,
  });
});
