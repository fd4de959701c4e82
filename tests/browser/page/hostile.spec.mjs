// Values that visitors send appear as text, never as markup.

import { HOSTILE_PATHS, HOSTILE_REFERRERS } from "./support/sample-log.mjs";
import { between, date, HOSTILE } from "./support/sites.mjs";
import { check, checkSoon, isStatus, open, test } from "./support/test.mjs";

const HOSTILE_QUERIES = [
  "?site=%3Cscript%3Ealert(1)%3C/script%3E",
  "?period=%3Cb%3E",
  "?to=%22onload=%22",
  "?site=unknown.example",
  "?to=9999-12-31&from=1970-01-01",
];

test("hostile values", async ({ newPage, origin }) => {
  const page = await newPage({ expected: (text, url) => isStatus(400, 404)(text) && /[?]|favicon/.test(url) });
  const dialogs = [];
  page.on("dialog", dialog => {
    dialogs.push(dialog.message());
    dialog.dismiss();
  });
  await open(page, `${origin}/?site=${HOSTILE}&${between(date(3), date(3))}&list=pages`);
  const look = () =>
    page.evaluate(() => ({
      harmed: globalThis.harmed,
      values: [...document.querySelectorAll(".list bdi")].map(value => value.textContent),
      inside: document.querySelectorAll(".list bdi *").length,
      handlers: [...document.querySelectorAll("*")].filter(element =>
        [...element.attributes].some(({ name }) => name.startsWith("on")),
      ).length,
      scripts: document.scripts.length,
      headings: [...document.querySelectorAll("h1")].map(heading => heading.textContent),
      otherOrigins: [...document.links].filter(link => link.origin !== location.origin).length,
    }));
  const found = await look();
  for (const { shown } of HOSTILE_PATHS)
    check(`${shown} is shown unchanged`, found.values.includes(shown), found.values);
  await page.locator(".tabs a", { hasText: "Sources" }).click();
  await checkSoon("the tab of the sources is open", async () => (await look()).values.includes("evil.example"));
  const sources = await look();
  for (const { harmed, inside, handlers, scripts, otherOrigins, headings } of [found, sources]) {
    check("no value runs as a script", harmed === undefined && dialogs.length === 0);
    check(
      "no value becomes an element",
      inside === 0 && handlers === 0 && scripts === 1 && otherOrigins === 0,
      [inside, handlers, scripts, otherOrigins],
    );
    check("no value becomes a heading", headings.join() === HOSTILE, headings);
  }
  const hosts = HOSTILE_REFERRERS.map(referrer => /^https:\/\/(?:[^/@<]*@)?([\w.-]+)\//.exec(referrer)?.[1]).filter(
    Boolean,
  );
  check(
    "referrers are shown as hosts only",
    sources.values.includes("evil.example") &&
      !sources.values.some(value => /secret|token|javascript:|data:/.test(value)),
    sources.values,
  );
  check(
    "two referrers of one host are one row",
    new Set(hosts).size === 2 && sources.values.filter(value => value === "evil.example").length === 1,
  );
  for (const query of HOSTILE_QUERIES) {
    const response = await page.goto(`${origin}/${query}`);
    check(`${query} is rejected`, [400, 404].includes(response.status()), response.status());
    const elements = await page.evaluate(() => document.querySelectorAll("script, main b, [onload]").length);
    check(`${query} becomes no element`, elements === 0 && dialogs.length === 0, elements);
  }
});
