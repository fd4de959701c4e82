// Values that visitors send appear as text, never as markup.

import { HOSTILE_PATHS, HOSTILE_REFERRERS } from "./support/sample-log.mjs";
import { between, date, HOSTILE } from "./support/sites.mjs";
import { check, isStatus, open, test } from "./support/test.mjs";

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
  await open(page, `${origin}/?site=${HOSTILE}&${between(date(3), date(3))}`);
  const found = await page.evaluate(() => ({
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
  for (const { shown } of HOSTILE_PATHS)
    check(`${shown} is shown unchanged`, found.values.includes(shown), found.values);
  check("no value runs as a script", found.harmed === undefined && dialogs.length === 0);
  check(
    "no value becomes an element",
    found.inside === 0 && found.handlers === 0 && found.scripts === 1 && found.otherOrigins === 0,
    found,
  );
  check("no value becomes a heading", found.headings.join() === HOSTILE, found.headings);
  const hosts = HOSTILE_REFERRERS.map(referrer => /^https:\/\/(?:[^/@<]*@)?([\w.-]+)\//.exec(referrer)?.[1]).filter(
    Boolean,
  );
  check(
    "referrers are shown as hosts only",
    found.values.includes("evil.example") && !found.values.some(value => /secret|token|javascript:|data:/.test(value)),
    found.values,
  );
  check(
    "two referrers of one host are one row",
    new Set(hosts).size === 2 && found.values.filter(value => value === "evil.example").length === 1,
  );
  for (const query of HOSTILE_QUERIES) {
    const response = await page.goto(`${origin}/${query}`);
    check(`${query} is rejected`, [400, 404].includes(response.status()), response.status());
    const elements = await page.evaluate(() => document.querySelectorAll("script, main b, [onload]").length);
    check(`${query} becomes no element`, elements === 0 && dialogs.length === 0, elements);
  }
});
