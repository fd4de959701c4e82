// Events of links, files and missing pages, which the attribute data-track of the line switches on.

import { readFileSync } from "node:fs";
import { documented, EMBEDDING, inFirefox } from "./support/places.mjs";
import { check, checkStatistics, settled, test, until, visit } from "./support/test.mjs";

const attributes = documented("html", "data-track=\"outbound downloads\"").match(/data-track="[^"]*"/)[0];
const NOT_FOUND = documented("html", "data-track=\"not-found\"").match(/data-track="[^"]*"/)[0];
const OTHER = "http://search.example.net";

/** The links stay on the page. `ready` resolves when the module has run. */
const READY = `<script>
  ready = () => import(document.querySelector("[data-track]").src + "?&track").then(() => {});
</script>`;
const head = `${READY}<script>addEventListener("click", event => event.preventDefault())</script>`;

/** Waits until footfall.js has imported the module, and the module has run. */
async function waitForModule(page, counter) {
  await until("the script imports the module", async () => counter.modules.length > 0);
  await page.evaluate("ready()");
}

/** Opens a page with this content, and clicks each element with the attribute data-step. Each event is sent once. */
const clicks = (body, events, page = {}) =>
  visit(
    { path: "/shop", page: { attributes, head, body, ...page } },
    async (page, { counter }) => {
      await waitForModule(page, counter);
      const steps = await page.evaluate("document.querySelectorAll('[data-step]').length");
      check("there are elements to click", steps > 0);
      for (let step = 0; step < steps; step += 1) {
        await page.evaluate(`document.querySelectorAll("[data-step]")[${step}].dispatchEvent(
          new MouseEvent("click", { bubbles: true, cancelable: true, composed: true }))`);
        // The next click of the same link belongs to another task.
        await page.evaluate("new Promise(resolve => { setTimeout(() => setTimeout(resolve)); })");
      }
      check("the module is requested once", counter.modules.length === 1, counter.modules);
    },
    [{ p: "/shop" }, ...events.map(e => ({ p: "/shop", e }))],
  );
const links = addresses => addresses.map(address => `<a data-step href="${address}">link</a>`).join(" ");

test(
  "a link to another site counts its host, without path and query",
  clicks(links([`${OTHER}/find?q=private#part`, "https://www.Search.example.net:8443/", "//10.0.0.1/"]), [
    "outbound search.example.net",
    "outbound www.search.example.net",
    "outbound 10.0.0.1",
  ]),
);
test(
  "links within the site, and links that open no page, are no events",
  clicks(
    links([
      "/about",
      "?page=2",
      "#part",
      "",
      "https://www.example.com/",
      "https://blog.EXAMPLE.com/",
      "mailto:somebody@example.net",
      "tel:+49301234",
      "javascript:void 0",
      "blob:http://example.com/report.pdf",
      "http://[not an address",
    ]) + "<a data-step>no address</a>",
    [],
  ),
);
test(
  "a link to a file counts the file's name, without folder and query",
  clicks(
    links([
      "/files/J%C3%BCrgen.PDF?token=secret",
      "/broken%FF.zip",
      "https://cdn.example.net/token/setup.exe",
      "/archive.tar.gz#part",
      "/page.html",
      "/zip",
      "/v1.0",
    ]) + '<a data-step download href="/export/all?secret"><b>Export</b></a>',
    ["download Jürgen.PDF", "download broken%FF.zip", "download setup.exe", "download archive.tar.gz", "download all"],
  ),
);
test(
  "without the word outbound, only files count",
  clicks(links([`${OTHER}/`, `${OTHER}/a.zip`, "/b.zip"]), ["download a.zip", "download b.zip"], {
    attributes: 'data-track="downloads"',
  }),
);
test(
  "without the word downloads, a file of another site is a link to the site",
  clicks(links([`${OTHER}/a.zip`, "/b.zip"]), ["outbound search.example.net"], { attributes: 'data-track="outbound"' }),
);
test(
  "an element with an event of its own counts only that event",
  clicks(
    `<a data-step href="${OTHER}/" data-footfall-event="partner">link</a>
     <a href="/a.pdf"><b data-step data-footfall-event="buy">Buy</b></a>
     <form data-footfall-event="form"><input name="hasAttribute"><a data-step href="${OTHER}/">link</a></form>`,
    ["partner", "buy", "form"],
  ),
);
test(
  "a click anywhere in a link counts, also in a picture or an open shadow root",
  clicks(
    `<a href="${OTHER}/1.pdf"><b data-step>text</b></a>
     <svg viewBox="0 0 9 9"><a href="/2.pdf"><circle data-step r="5"/></a></svg>
     <map><area data-step href="/3.pdf" alt="3"></map>
     <form><input name="localName"><a data-step href="/4.pdf">4</a></form>
     <div id="host"></div><script>
       host.attachShadow({ mode: "open" }).innerHTML = '<a href="/5.pdf"><b>text</b></a>';
     </script><i data-step onclick="event.stopPropagation(); host.shadowRoot.querySelector('b').click()">click</i>`,
    ["download 1.pdf", "download 2.pdf", "download 3.pdf", "download 4.pdf", "download 5.pdf"],
  ),
);
test(
  "a click on a label in a link counts once",
  clicks('<a href="/1.pdf"><label data-step>Print <input type="checkbox"></label></a>', ["download 1.pdf"], {
    head: READY,
  }),
);
test(
  "a click that the page stops counts",
  clicks('<a data-step href="/1.pdf">1</a>', ["download 1.pdf"], {
    head: `${READY}<script>document.addEventListener("click", event => {
      event.preventDefault();
      event.stopImmediatePropagation();
    }, true)</script>`,
  }),
);

test(
  "a click leaves the page at once, and its event arrives",
  visit(
    ({ site }) => ({
      path: "/shop",
      page: {
        attributes,
        head: READY,
        body: `<a href="${OTHER}:${site.port}/find?q=private">link</a>`,
      },
      pages: { "/find": { copies: 0 } },
    }),
    async (page, { counter }) => {
      await waitForModule(page, counter);
      await until("the view is counted", async () => counter.records[0]?.status !== undefined);
      // The page does not wait for the response to the event.
      counter.hold();
      await page.click("a");
      await page.waitForURL("**/find?q=private");
      await until("the event has arrived", async () => counter.records.length === 2);
      counter.release();
    },
    [{ p: "/shop" }, { p: "/shop", e: "outbound search.example.net" }],
  ),
);
for (const [key, event] of [
  ["Enter", "download 1.pdf"],
  ["the middle button", "download 1.pdf"],
]) {
  test(
    `a link opened by ${key}`,
    visit(
      {
        path: "/shop",
        page: { attributes, head, body: '<a href="/1.pdf">1</a>' },
        pages: { "/1.pdf": { copies: 0 } },
      },
      async (page, { counter }) => {
        await waitForModule(page, counter);
        await page.focus("a");
        if (key === "Enter") await page.keyboard.press(key);
        else await page.click("a", { button: "middle" });
      },
      [{ p: "/shop" }, { p: "/shop", e: event }],
    ),
  );
}

const onMissingPage = { path: "/old/%C3%BCber?token=secret", page: { attributes: NOT_FOUND, head } };
const MISSING = { p: "/old/%C3%BCber" };
test(
  "a missing page counts once, without its query",
  visit(
    onMissingPage,
    async (page, { counter }) => {
      await until("the event has arrived", async () => counter.records.length === 2);
      await page.evaluate('history.pushState({}, "", "/other")');
    },
    [MISSING, { ...MISSING, e: "404 /old/über" }, { p: "/other" }],
  ),
);
test("a missing page in a background tab counts when it is first shown", async ({
  tabs,
  site,
  counter,
  expectRecords,
}) => {
  site.pages.set("/missing", { attributes: NOT_FOUND, head });
  await tabs.open("about:blank");
  const tab = await tabs.open(`${site.origin}/missing`, true);
  await until("the script imports the module", async () => counter.modules.length > 0);
  await tab.run("ready()");
  check("the tab is hidden", (await tab.run("document.visibilityState")) === "hidden");
  await settled();
  check("a hidden tab sends nothing", counter.records.length === 0, counter.records);
  await tab.front();
  await expectRecords([{ p: "/missing" }, { p: "/missing", e: "404 /missing" }]);
});

test(
  "the policy of the documentation allows the module",
  visit(
    ({ counter }) => ({
      path: "/strict",
      page: {
        attributes: NOT_FOUND,
        headers: {
          "content-security-policy": `default-src 'none'; ${documented("text", "connect-src").trim().replaceAll("https://HOST", counter.origin)}`,
        },
      },
    }),
    null,
    [{ p: "/strict" }, { p: "/strict", e: "404 /strict" }],
  ),
);
test(
  "the module follows the name and the query of the script",
  visit(
    ({ counter }) => ({
      path: "/moved",
      page: { attributes: NOT_FOUND, source: `${counter.origin}/moved/footfall.js?v=2` },
    }),
    async (_page, { counter }) => {
      await until("the script imports the module", async () => counter.modules.length > 0);
      check("the address is the script's", counter.modules[0] === "/footfall.js?v=2?&track", counter.modules);
    },
    [{ p: "/moved" }, { p: "/moved", e: "404 /moved" }],
  ),
);
test(
  "the page sees no error if the module is blocked",
  visit(
    {
      path: "/blocked",
      page: { attributes: NOT_FOUND },
      route: ["**&track", route => route.abort()],
      expected: text => /ERR_FAILED|Cross-Origin/.test(text),
    },
    null,
    [{ p: "/blocked" }],
  ),
);
test(
  "an objection applies to links",
  visit(
    { path: "/shop", page: { attributes, head, body: links(["/1.pdf"]) } },
    async (page, { counter }) => {
      await waitForModule(page, counter);
      await page.evaluate("footfall.off()");
      await page.click("a");
    },
    [{ p: "/shop" }],
  ),
);
test(
  "a line without data-track requests no module",
  visit(
    { path: "/shop", page: { head, body: links([`${OTHER}/`, "/1.pdf"]) } },
    async (page, { counter }) => {
      for (const link of ["a", "a + a"]) await page.click(link);
      await settled();
      check("no module is requested", counter.modules.length === 0, counter.modules);
    },
    [{ p: "/shop" }],
  ),
);

test("the documentation lists the same extensions", () => {
  test.skip(inFirefox, "the browser does not matter");
  const source = readFileSync(new URL("../../../handler/assets/footfall-track.js", import.meta.url), "utf8");
  const [, code] = source.match(/^const EXTENSIONS = \(\n(.*?)\n\)/ms);
  const known = code.match(/[a-z0-9]+/g);
  const [, listed] = EMBEDDING.match(/^Files: `([^`]*)`/m);
  check("both lists are equal", known.join(" ") === listed.replaceAll("\n", " "), { known, listed });
});

test("the handler has counted each request", checkStatistics());
