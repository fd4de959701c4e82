// Views within a page: its history, its fragment and its query.

import { check, checkStatistics, test, visit } from "./support/test.mjs";

const removeNavigation = () => {
  for (const name of ["navigation", "NavigateEvent", "Navigation"]) delete globalThis[name];
};

/**
 * Without the Navigation API, the script compares the address at an interval. Three ticks of a similar interval later,
 * the script has compared it.
 */
const LOOKED = `new Promise(resolve => {
  let ticks = 0;
  const clock = setInterval(() => { if (++ticks === 3) { clearInterval(clock); resolve(); } }, 99);
})`;

/** Runs the expression, and waits until the script has seen the new address. */
const run = expression => async page => {
  const traverses = /^history\.(back|go)/.test(expression);
  const arrived = traverses ? "new Promise(resolve => addEventListener('popstate', resolve, { once: true }))" : "0";
  await page.evaluate(`(async () => { const arrived = ${arrived}; ${expression}; await arrived; await ${LOOKED}; })()`);
};
const runAll = expressions => async page => {
  for (const expression of expressions) await run(expression)(page);
};
const views = paths => paths.map(p => ({ p }));

const STEPS = [
  ["pushState", 'history.pushState({}, "", "/app/push")', ["/app/push"]],
  ["pushState of the same path", 'history.pushState({}, "", "/app")', []],
  ["pushState of another query", 'history.pushState({}, "", "?page=2")', []],
  ["replaceState", 'history.replaceState({}, "", "/app/replace")', ["/app/replace"]],
  ["replaceState of the same path", 'history.replaceState({ scroll: 5 }, "", "/app")', []],
  ["a fragment", 'location.hash = "part"', []],
];

for (const [kind, more] of [
  ["with the Navigation API", {}],
  ["without the Navigation API", { init: removeNavigation, page: { body: '<nav id="navigation"></nav>' } }],
]) {
  for (const [name, expression, sent] of STEPS) {
    test(`${name}, ${kind}`, visit({ ...more, path: "/app" }, run(expression), views(["/app", ...sent])));
  }
  test(
    `back and forward, ${kind}`,
    visit(
      { ...more, path: "/app" },
      runAll([
        'history.pushState({}, "", "/app/one")',
        'history.pushState({}, "", "/app/two")',
        "history.back()",
        "history.go(-1)",
        "history.go(2)",
      ]),
      views(["/app", "/app/one", "/app/two", "/app/one", "/app", "/app/two"]),
    ),
  );
  test(
    `data-hash, ${kind}`,
    visit(
      { ...more, path: "/routed", page: { ...more.page, attributes: "data-hash" } },
      runAll([
        'location.hash = "/about"',
        'location.hash = "/about"',
        "history.back()",
        'history.replaceState({}, "", "#/new")',
        'location.hash = "/reset?token=1&page=2"',
        'location.hash = "/reset?token=2"',
        'location.hash = "/done#access_token=3"',
        'location.hash = "access_token=4&state=/home"',
        'location.hash = "/"',
        'location.hash = "!/old/route?token=5&page=1#/part"',
        'location.hash = "!token=6"',
        'location.hash = "!/"',
        'location.hash = "?/token=7"',
      ]),
      views([
        "/routed",
        "/routed#/about",
        "/routed",
        "/routed#/new",
        "/routed#/reset",
        "/routed#/done",
        "/routed",
        "/routed#/",
        "/routed#!/old/route",
        "/routed",
        "/routed#!/",
        "/routed",
      ]),
    ),
  );
  test(
    `data-hash and data-query, ${kind}`,
    visit(
      { ...more, path: "/routed?page=1&token=0", page: { ...more.page, attributes: 'data-hash data-query="page,q"' } },
      runAll([
        'location.hash = "/list?token=1&page=2&q=a&pages=3"',
        'location.hash = "/list?token=2&page=2&q=a"',
        'location.hash = "/list?token=2#page=3"',
        'location.hash = "access_token=4&page=5"',
        'location.hash = "!/list?&page=6#page=7"',
      ]),
      views([
        "/routed?page=1",
        "/routed?page=1#/list?page=2&q=a",
        "/routed?page=1#/list",
        "/routed?page=1",
        "/routed?page=1#!/list?page=6",
      ]),
    ),
  );
  test(
    `a page that opens with a token in its fragment, ${kind}`,
    visit(
      { ...more, path: "/callback?=token&&#access_token=1", page: { ...more.page, attributes: "data-hash data-query" } },
      run('location.hash = "/home"'),
      views(["/callback", "/callback#/home"]),
    ),
  );
  const path = "/list?token=1&page=2&q=a%20b&pages=3";
  test(
    `data-query, ${kind}`,
    visit(
      { ...more, path, page: { ...more.page, attributes: 'data-query="page,q"' } },
      runAll([
        'history.pushState({}, "", "?page=3&token=2")',
        'history.pushState({}, "", "?page=3&token=3")',
        'history.pushState({}, "", "?token=3")',
      ]),
      views(["/list?page=2&q=a%20b", "/list?page=3", "/list"]),
    ),
  );
}

test(
  "updateCurrentEntry",
  visit(
    { path: "/app" },
    page => page.evaluate("navigation.updateCurrentEntry({ state: { scroll: 5 } })"),
    views(["/app"]),
  ),
);
test(
  "an intercepted navigation",
  visit(
    { path: "/app" },
    page =>
      page.evaluate(async () => {
        navigation.addEventListener("navigate", event => event.intercept());
        await navigation.navigate("/app/intercepted").finished;
        await navigation.back().finished;
      }),
    views(["/app", "/app/intercepted", "/app"]),
  ),
);
test(
  "the functions of the page stay",
  visit(
    { path: "/app", init: removeNavigation },
    async page => {
      const isNative = await page.evaluate(
        "!Object.hasOwn(history, 'pushState') && /native code/.test(history.pushState)",
      );
      check("history is not patched", isNative);
    },
    views(["/app"]),
  ),
);

test("the handler has counted each request", checkStatistics());
