// Pages whose names, requests and elements come in the script's way. Each view and event still counts once.

import { check, checkStatistics, test, until, visit } from "./support/test.mjs";

const NAMES = ["hidden", "prerendering", "referrer", "currentScript", "location", "defaultView", "documentElement"];
for (const [kind, element] of [
  ["form", name => `<form name="${name}"></form>`],
  ["iframe", name => `<iframe name="${name}"></iframe>`],
  ["img", name => `<img name="${name}" alt="">`],
  ["object", name => `<object name="${name}"></object>`],
]) {
  test(
    `an element ${kind} with the names of the document's properties`,
    visit(
      ({ site }) => ({
        path: "/app",
        before: `http://search.example.net:${site.port}/find`,
        page: { head: NAMES.map(element).join("") },
      }),
      page => page.evaluate('history.pushState({}, "", "/app/next")'),
      ({ site }) => [{ p: "/app", r: `http://search.example.net:${site.port}` }, { p: "/app/next" }],
    ),
  );
}
for (const [name, declarations] of [
  ["constants", "const self = 1, URL = '/api', fetch = 2, navigation = 3, origin = null, path = 4"],
  ["variables", "var navigation = document.body, origin = { x: 1 }, self = 1, last = 2, name = 3"],
]) {
  test(
    `the page uses the script's names for ${name}`,
    visit(
      { path: "/app", page: { head: `<script>${declarations}</script>` } },
      async page => {
        await page.evaluate("{ history.pushState({}, '', '/app/next'); }");
        await new Promise(resolve => setTimeout(resolve, 300));
      },
      [{ p: "/app" }, { p: "/app/next" }],
    ),
  );
}

test(
  "keepalive is used up by other requests",
  visit(
    { path: "/app", expected: text => /keepalive|ERR_FAILED|fetch|Failed to load/i.test(text) },
    async page => {
      const refused = await page.evaluate(() => {
        const post = size =>
          fetch("/held", { method: "POST", mode: "no-cors", keepalive: true, body: "x".repeat(size) });
        for (const size of [8192, 1024, 128, 16])
          for (let count = 0; count < 8; count += 1) post(size).catch(() => {});
        return post(60).then(
          () => false,
          () => true,
        );
      });
      check("the browser refuses keepalive", refused);
      await page.evaluate('footfall("signup"); history.pushState({}, "", "/app/next")');
    },
    [{ p: "/app" }, { p: "/app", e: "signup" }, { p: "/app/next" }],
  ),
);
test("a line with crossorigin", visit({ page: { attributes: "crossorigin" } }, null, [{ p: "/" }]));
test(
  "a page that is isolated from other origins",
  visit({ page: { headers: { "cross-origin-embedder-policy": "require-corp" } } }, null, [{ p: "/" }]),
);

const VIEW = { p: "/shop" };
const EVENT = { ...VIEW, e: "chosen" };
const clicking = (name, body, selectors, sent, options) =>
  test(
    name,
    visit(
      { path: "/shop", page: { body } },
      async page => {
        for (const selector of selectors) {
          await page.click(selector, options);
          await page.evaluate("new Promise(resolve => setTimeout(resolve))");
        }
      },
      sent,
    ),
  );
const MARK = 'data-footfall-event="chosen"';
clicking(
  "a label and its control",
  `<label ${MARK}><span>Text</span> <input type="checkbox"></label>`,
  ["span", "input"],
  [VIEW, EVENT, EVENT],
);
clicking(
  "a label and a control in an element with an event",
  `<div ${MARK}><label for="box">Text</label> <input id="box" type="checkbox"></div>`,
  ["label", "label"],
  [VIEW, EVENT, EVENT],
);
clicking(
  "a control with an event in a label",
  `<label><span>Text</span> <input type="checkbox" ${MARK}></label>`,
  ["span", "input"],
  [VIEW, EVENT, EVENT],
);
const SHADOW = "<script>document.querySelector('p').attachShadow({ mode: 'open' }).innerHTML =";
clicking(
  "an element with an event in an open shadow root",
  `<p></p>${SHADOW} '<button style="width: 100%" ${MARK}><b>Buy</b></button>'</script>`,
  ["p"],
  [VIEW, EVENT],
);
clicking(
  "a shadow root in an element with an event",
  `<div ${MARK}><p></p></div>${SHADOW} '<b>Buy</b>'</script>`,
  ["p"],
  [VIEW, EVENT],
);
clicking(
  "a form whose fields hide its methods",
  `<form ${MARK}><input name="getAttribute"><input name="closest"><input name="dataset"><p>Text</p></form>`,
  ["p"],
  [VIEW, EVENT],
);
const LINK = `<a href="/bought" ${MARK}>Buy</a><script>addEventListener("auxclick", event => event.preventDefault())</script>`;
clicking("a click with the middle button", LINK, ["a"], [VIEW, EVENT], { button: "middle" });
clicking("a click with the right button", LINK, ["a"], [VIEW], { button: "right" });

test(
  "half of an emoji in a name",
  visit(
    { path: "/shop", page: { body: "<button>Buy</button>" } },
    page => page.evaluate(`footfall("Sale:\\u{1f389}".slice(0, 6)); footfall("\\ud83d"); footfall(Symbol()); footfall({});
      document.querySelector("button").dataset.footfallEvent = "\\udc00buy \\u{1f389}"; document.querySelector("button").click()`),
    [VIEW, { ...VIEW, e: "Sale:" }, { ...VIEW, e: "buy 🎉" }],
  ),
);

// Chromium fails the pending requests of a page that is left, although it has sent them.
test(
  "the visitor follows a link to another site before the counter responds",
  visit(
    ({ counter, site }) => {
      counter.hold();
      const link = `<a href="http://search.example.net:${site.port}/left" ${MARK}>Buy</a>`;
      return { path: "/shop", page: { body: link }, pages: { "/left": { copies: 0 } } };
    },
    async (page, { counter }) => {
      await until("the view has arrived", async () => counter.records.length === 1);
      await page.click("a");
      await page.waitForURL("**/left");
      counter.release();
    },
    [VIEW, EVENT],
  ),
);

test("the handler has counted each request", checkStatistics());
