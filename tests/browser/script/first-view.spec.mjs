// The view of a page that opens: its fields, its referrer and its campaign.

import { checkStatistics, test, visit } from "./support/test.mjs";

const SEARCH = ({ site }) => `http://search.example.net:${site.port}`;
test(
  "first view, with the origin of the previous page",
  visit(
    places => ({ path: "/account", before: `${SEARCH(places)}/find?q=private` }),
    null,
    places => [{ p: "/account", r: SEARCH(places) }],
  ),
);

for (const [width, w] of [
  [575, "s"],
  [576, "m"],
  [991, "m"],
  [992, "l"],
  [1920, "l"],
]) {
  test(
    `a window of ${width} pixels`,
    visit(
      {
        context: { viewport: { width, height: 700 } },
        isAsWanted: ({ body }) => body.w === w && body.z === "Europe/Berlin",
      },
      null,
      [{ p: "/" }],
    ),
  );
}

test(
  "a page whose policy sends no referrers",
  visit({ page: { headers: { "referrer-policy": "no-referrer" } } }, null, [{ p: "/" }]),
);
test(
  "a page whose policy sends whole referrers",
  visit({ path: "/?token=1", page: { headers: { "referrer-policy": "unsafe-url" } } }, null, [{ p: "/" }]),
);
test("two copies of the line", visit({ page: { copies: 2 } }, null, [{ p: "/" }]));
test(
  "a router that runs the line again",
  visit(
    { path: "/turbo" },
    page =>
      page.evaluate(async () => {
        const old = document.querySelector("script");
        const again = document.createElement("script");
        for (const { name, value } of old.attributes) again.setAttribute(name, value);
        history.pushState(null, "", "/turbo/next");
        document.body.append(again);
        await new Promise(resolve => {
          again.onload = resolve;
        });
        history.pushState(null, "", "/turbo/last");
      }),
    [{ p: "/turbo" }, { p: "/turbo/next" }, { p: "/turbo/last" }],
  ),
);
test(
  "elements with the names of globals that the script reads",
  visit({ page: { body: '<nav id="navigation"></nav><h2 id="footfall"></h2>' } }, null, [{ p: "/" }]),
);
test(
  "the script does nothing as a module",
  visit(
    {
      page: { attributes: 'type="module" crossorigin' },
      expected: text => /CORS|ERR_FAILED|Cross-Origin/.test(text),
    },
    null,
    [],
  ),
);

test("a path in Japanese", visit({ path: "/日本語" }, null, [{ p: "/%E6%97%A5%E6%9C%AC%E8%AA%9E" }]));
test("a query is dropped", visit({ path: "/account?token=secret&=&&a=b#part" }, null, [{ p: "/account" }]));
test(
  "utm_source, utm_medium, utm_campaign",
  visit(
    { path: "/?utm_source=letter&utm_medium=email&utm_campaign=Spring%20sale&utm_term=x&ref=other" },
    page => page.evaluate('history.pushState({}, "", "/next" + location.search)'),
    [{ p: "/", c: { source: "letter", medium: "email", campaign: "Spring sale" } }, { p: "/next" }],
  ),
);
test("ref", visit({ path: "/?ref=news.example.org" }, null, [{ p: "/", c: { source: "news.example.org" } }]));
test(
  "only a campaign",
  visit({ path: "/?utm_campaign=%E2%98%83&utm_source=" }, null, [{ p: "/", c: { campaign: "☃" } }]),
);

test("the handler has counted each request", checkStatistics({ country: "DE" }));
