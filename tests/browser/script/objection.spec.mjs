// Objections of visitors, and the views of the owner.

import { documented } from "./support/places.mjs";
import { check, checkStatistics, settled, test, until, visit } from "./support/test.mjs";

test(
  "an objection by the line of the documentation, and its withdrawal",
  visit(
    { path: "/privacy", page: { body: documented("html", "onclick") } },
    async (page, { site }) => {
      await page.click("button");
      check("the button says that views are not counted", /not counted/.test(await page.textContent("button")));
      await page.evaluate('history.pushState({}, "", "/after"); footfall("signup")');
      await page.reload();
      await page.goto(`${site.origin}/other`);
      await settled();
      await page.reload();
      check("the objection can be withdrawn", (await page.evaluate("footfall.on()")) === true);
      await page.reload();
    },
    [{ p: "/privacy" }, { p: "/other" }],
  ),
);

test(
  "an objection by call",
  visit(
    { path: "/privacy" },
    async page => {
      check("the browser has stored the objection", (await page.evaluate("footfall.off()")) === true);
      await page.reload();
      await page.evaluate('footfall("signup")');
    },
    [{ p: "/privacy" }],
  ),
);

test(
  "views of the owner",
  visit(
    {},
    async (page, { counter }) => {
      check("the browser has stored the mark", (await page.evaluate("footfall.own()")) === true);
      await page.reload();
      await until("the view of the owner is sent", async () => counter.records.length === 2);
      await page.evaluate(`localStorage.clear(); ${documented("js", "localStorage.footfall = 1")}`);
      await page.reload();
    },
    [{ p: "/" }, { p: "/", o: 1 }, { p: "/", o: 1 }],
  ),
);

for (const [header, init] of [
  ["sec-gpc", () => Object.defineProperty(navigator, "globalPrivacyControl", { value: true })],
  ["dnt", () => Object.defineProperty(navigator, "doNotTrack", { value: "1" })],
]) {
  test(
    `${header}: the view is sent with the browser's header`,
    visit(
      {
        init,
        context: { extraHTTPHeaders: { [header]: "1" } },
        isAsWanted: ({ headers }) => headers[header] === "1",
      },
      null,
      [{ p: "/" }],
    ),
  );
}

test("the handler has counted each request", checkStatistics());
