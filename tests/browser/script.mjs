// Holds the script for other sites: each case in Chromium or, with --browser firefox, in Firefox, on a page of another origin than the counter, and each view counted
// exactly once. See tests/browser/check-script, which starts this.
//
// All that the pages send passes a server that notes it. It answers itself, as the handler would; or, with --handler PATH (and
// DATABASE_URL) or FOOTFALL_URL, it hands everything on to a real one, whose statistics must then say the same.
//
// Environment: CHROMIUM, FIREFOX, DATABASE_URL, FOOTFALL_URL (counts example.com, without rate limit), NGINX_BINARY.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, isDeepStrictEqual } from "node:util";
import { chromium } from "playwright-core";
import { startChromium } from "./chromium.mjs";
import { about, check, freePort, leaveOut, notAcrossMidnight, summarize, until } from "./findings.mjs";
import { startFirefox } from "./firefox.mjs";
import { startHandler, stopHandlers } from "./handler.mjs";

const { values: options } = parseArgs({ options: { handler: { type: "string" }, browser: { type: "string", default: "chromium" } } });
const { CHROMIUM = "/usr/bin/chromium", FIREFOX = "/usr/bin/firefox-esr", NGINX_BINARY = "/usr/sbin/nginx", DATABASE_URL } = process.env;

const SITE = "example.com";
const CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
const ASSETS = new URL("../../handler/assets/", import.meta.url);
const EMBEDDING = readFileSync(new URL("../../docs/embedding.md", import.meta.url), "utf8");
/** Names of this machine, for the browser. */
const HOSTS = [SITE, "stats.example.org", "search.example.net"];
const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
  `--host-resolver-rules=${HOSTS.map(host => `MAP ${host} 127.0.0.1`).join(", ")}`,
];
const inFirefox = options.browser === "firefox";
/** A second view would have been sent by then; longer than the script's own clock where it has one. */
const SETTLED = 400;
const FIELDS = ["s", "p", "z", "w", "r", "c", "e", "o"];

/** Where there is no Navigation API, the script looks at the address by a clock: once three ticks of another one like it have come, it has. */
const LOOKED = "new Promise(resolve => { let ticks = 0; const clock = setInterval(() => { if (++ticks === 3) { clearInterval(clock); resolve(); } }, 99); })";

const wait = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

/** The code of a language in docs/embedding.md, the first one that holds these words. */
function documented(language, words) {
  for (const [, found, code] of EMBEDDING.matchAll(/^```(\w+)\n(.*?)^```$/gms)) if (found === language && code.includes(words)) return code;
  throw new Error(`docs/embedding.md has no ${language} with ${words}`);
}

async function listen(server) {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return server.address().port;
}

// The counter

/** What has been sent to the counter since the case began. */
let records = [];
let pictures = [];
/** What should have been counted, of all cases: by list of the statistics and by value. */
const sums = { all: new Map(), pages: new Map(), events: new Map() };
const add = (list, value) => sums[list].set(value, (sums[list].get(value) ?? 0) + 1);

function answerItself(path, response) {
  if (path === `/v/${SITE}.gif`) return response.setHeader("content-type", "image/gif").end("GIF89a");
  const script = path.match(/\/(footfall)\.js$/);
  if (script) return response.setHeader("content-type", "text/javascript; charset=utf-8").end(readFileSync(new URL(`${script[1]}.min.js`, ASSETS)));
  return response.writeHead(path === "/v" ? 204 : 404).end();
}

function handOn(upstream, path, incoming, body, response) {
  const { host, connection, ...headers } = incoming.headers;
  const outgoing = request(`${upstream}${path}`, { method: incoming.method, headers }, answer => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  outgoing.on("error", error => response.writeHead(502).end(String(error)));
  outgoing.end(body);
}

async function startCounter(upstream) {
  const server = createServer((incoming, response) => {
    const parts = [];
    incoming.on("data", part => parts.push(part));
    incoming.on("end", () => {
      const body = Buffer.concat(parts);
      // Some cases have it in another place than the handler has.
      const path = incoming.url.replace(/^\/moved/, "").replace(/^\/renamed$/, "/v");
      if (path.endsWith(".gif")) pictures.push(incoming.headers);
      if (incoming.method !== "GET") {
        const record = { method: incoming.method, url: incoming.url, headers: incoming.headers, text: body.toString() };
        records.push(record);
        response.on("finish", () => { record.status = response.statusCode; });
      }
      if (upstream) handOn(upstream, path, incoming, body, response);
      else answerItself(path, response);
    });
  });
  const port = await listen(server);
  return { origin: `http://stats.example.org:${port}`, port, end: () => server.close() };
}

// The pages

/** What is special about the page at a path. */
const pages = new Map();
/** The paths that a browser has asked for before they were opened. */
const prerendered = new Set();

async function startPages(counter) {
  const server = createServer((incoming, response) => {
    const { pathname } = new URL(incoming.url, "http://example.com");
    if (incoming.headers["sec-purpose"]?.includes("prerender")) prerendered.add(pathname);
    if (pathname === "/favicon.ico") return response.writeHead(204).end();
    const { attributes = "", source = `${counter.origin}/footfall.js`, copies = 1, head = "", body = "", headers = {} } = pages.get(pathname) ?? {};
    const line = `<script defer data-site="${SITE}" ${attributes} src="${source}"></script>`;
    return response.writeHead(200, { "content-type": "text/html; charset=utf-8", ...headers })
      .end(`<!doctype html><html lang="en"><head><title>${pathname}</title>${head}${line.repeat(copies)}</head><body>${body}</body></html>`);
  });
  const port = await listen(server);
  return { origin: `http://${SITE}:${port}`, port, end: () => server.close() };
}

// Cases

let browser;
let counter;
let site;

/** What a case has sent is exactly this: of each body the fields that differ from case to case. */
async function expectRecords(expected, { origin = site.origin, wants = () => true } = {}) {
  await until("everything has arrived", 5, async () => records.length >= expected.length).catch(() => {});
  await wait(SETTLED);
  await until("everything is answered", 10, async () => records.every(({ status }) => status !== undefined)).catch(() => {});
  const bodies = records.map(({ text }) => {
    try {
      const { s, z, w, c, ...body } = JSON.parse(text);
      return { ...body, ...(c && Object.keys(c).length > 0 && { c }) };
    } catch {
      return text;
    }
  });
  // Each goes its own way: which of two arrives first is for the network to say.
  const inOrder = bodies => bodies.map(body => JSON.stringify(body)).sort();
  check("each view and event is sent once, and nothing else", isDeepStrictEqual(inOrder(bodies), inOrder(expected)), bodies);
  for (const { method, headers, text, status } of records) {
    const body = method === "POST" ? JSON.parse(text) : {};
    check("it is a POST, without asking for permission before", method === "POST", method);
    check("it is text", headers["content-type"] === "text/plain;charset=UTF-8", headers["content-type"]);
    check("it has no cookie", headers.cookie === undefined, headers.cookie);
    check("it names the origin", headers.origin === origin, headers.origin);
    check("its referrer is the origin only", headers.referer === `${origin}/`, headers.referer);
    check("nothing marks it as prefetched", !headers["sec-purpose"], headers["sec-purpose"]);
    check("it has no other field", Object.keys(body).every(field => FIELDS.includes(field)), text);
    check("it names site, time zone and width", body.s === SITE && /^[\w/]+$/.test(body.z) && ["s", "m", "l"].includes(body.w), text);
    check("it is small", text.length < 600, text.length);
    check("it was taken", status === 204, status);
    check("it is as wanted", wants({ headers, body }), { headers, body });
    if (status !== 204) continue;
    if (body.o) add("all", "own");
    else if (body.e) add("events", body.e);
    else {
      add("all", "pageviews");
      add("pages", body.p);
    }
  }
}

/**
 * A case: a page at `path`, opened from one at the address `before`, if there is one; what is done there, and what has then been sent. `expected` complaints of the console belong to
 * what is tried; any error that the page would see is a finding.
 */
async function testCase(name, { page: special, path = "/", before, context: contextOptions, init, expected = () => false, route, wants }, steps, sent) {
  await about(name, async () => {
    records = [];
    pages.clear();
    const { pathname } = new URL(path, site.origin);
    if (special) pages.set(pathname, special);
    const context = await browser.newContext({ userAgent: CHROME, locale: "en-GB", timezoneId: "Europe/Berlin", ...contextOptions });
    context.setDefaultTimeout(10_000);
    const complaints = [];
    const kinds = new Set();
    context.on("console", message => {
      if (["error", "warning"].includes(message.type()) && !expected(message.text())) complaints.push(message.text());
    });
    // Firefox calls what it refuses an error of the page.
    context.on("weberror", error => { if (!inFirefox || !expected(String(error.error()))) complaints.push(String(error.error())); });
    if (!inFirefox) context.on("request", sending => { if (sending.method() !== "GET") kinds.add(sending.resourceType()); });
    if (init) await context.addInitScript(init);
    if (route) await context.route(...route);
    const page = await context.newPage();
    if (before) {
      pages.set(new URL(before).pathname, { copies: 0 });
      await page.goto(before);
      await Promise.all([page.waitForURL(`**${path}`), page.evaluate(url => { setTimeout(() => { location.href = url; }); }, site.origin + path)]);
    } else {
      await page.goto(site.origin + path);
    }
    await steps?.(page);
    await expectRecords(sent, { wants });
    check("the page hears of no error, and the console is empty", complaints.length === 0, complaints);
    if (!inFirefox) check("it is a fetch, which block lists tell from a beacon", [...kinds].every(kind => kind === "fetch"), [...kinds]);
    await context.close();
  });
}

const removeNavigation = () => { for (const name of ["navigation", "NavigateEvent", "Navigation"]) delete globalThis[name]; };

async function checkFirstViews() {
  await testCase("first view, with the origin of the page before", { path: "/first", before: `http://search.example.net:${site.port}/find?q=private` }, null,
    [{ p: "/first", r: `http://search.example.net:${site.port}` }]);
  for (const [width, w] of [[575, "s"], [576, "m"], [991, "m"], [992, "l"], [1920, "l"]]) {
    await testCase(`a window of ${width} pixels`, { path: "/wide", context: { viewport: { width, height: 700 } }, wants: ({ body }) => body.w === w && body.z === "Europe/Berlin" }, null, [{ p: "/wide" }]);
  }
  await testCase("the page's rule keeps all referrers back", { path: "/helmet", page: { headers: { "referrer-policy": "no-referrer" } } }, null, [{ p: "/helmet" }]);
  await testCase("the page's rule gives all referrers away", { path: "/unsafe?token=1", page: { headers: { "referrer-policy": "unsafe-url" } } }, null, [{ p: "/unsafe" }]);
  await testCase("two copies of the line", { path: "/twice", page: { copies: 2 } }, null, [{ p: "/twice" }]);
  await testCase("a router that runs the line again", { path: "/turbo" }, page => page.evaluate(async () => {
    const old = document.querySelector("script");
    const again = document.createElement("script");
    for (const { name, value } of old.attributes) again.setAttribute(name, value);
    history.pushState(null, "", "/turbo/next");
    document.body.append(again);
    await new Promise(resolve => { again.onload = resolve; });
    history.pushState(null, "", "/turbo/last");
  }), [{ p: "/turbo" }, { p: "/turbo/next" }, { p: "/turbo/last" }]);
  await testCase("elements with the names that the script looks at", { path: "/named", page: { body: '<nav id="navigation"></nav><h2 id="footfall"></h2>' } }, null, [{ p: "/named" }]);
  await testCase("as a module it does nothing", { path: "/module", page: { attributes: 'type="module" crossorigin' }, expected: text => /CORS|ERR_FAILED|Cross-Origin/.test(text) }, null, []);
}

async function checkNavigations() {
  for (const api of [true, false]) {
    const kind = api ? "with the Navigation API" : "without the Navigation API";
    const more = api ? {} : { init: removeNavigation, page: { body: '<nav id="navigation"></nav>' } };
    const run = expression => async page => {
      const traverses = expression.startsWith("history.back") || expression.startsWith("history.go");
      const arrived = traverses ? "new Promise(resolve => addEventListener('popstate', resolve, { once: true }))" : "0";
      await page.evaluate(`(async () => { const arrived = ${arrived}; ${expression}; await arrived; await ${LOOKED}; })()`);
    };
    const go = (name, expression, sent) => testCase(`${name}, ${kind}`, { ...more, path: "/app" }, run(expression), [{ p: "/app" }, ...sent]);
    await go("pushState", 'history.pushState({}, "", "/app/push")', [{ p: "/app/push" }]);
    await go("pushState of the same path", 'history.pushState({}, "", "/app")', []);
    await go("pushState of another query", 'history.pushState({}, "", "?page=2")', []);
    await go("replaceState", 'history.replaceState({}, "", "/app/replace")', [{ p: "/app/replace" }]);
    await go("replaceState of the same path", 'history.replaceState({ scroll: 5 }, "", "/app")', []);
    await go("a fragment", 'location.hash = "part"', []);
    await testCase(`back and forward, ${kind}`, { ...more, path: "/app" }, async page => {
      for (const step of ['history.pushState({}, "", "/app/one")', 'history.pushState({}, "", "/app/two")', "history.back()", "history.go(-1)", "history.go(2)"]) await run(step)(page);
    }, ["/app", "/app/one", "/app/two", "/app/one", "/app", "/app/two"].map(p => ({ p })));
    await testCase(`data-hash, ${kind}`, { ...more, path: "/routed", page: { ...more.page, attributes: "data-hash" } }, async page => {
      for (const step of ['location.hash = "/about"', 'location.hash = "/about"', "history.back()", 'history.replaceState({}, "", "#/new")']) await run(step)(page);
    }, ["/routed", "/routed#/about", "/routed", "/routed#/new"].map(p => ({ p })));
    await testCase(`data-query, ${kind}`, { ...more, path: "/list?token=1&page=2&q=a%20b&pages=3", page: { ...more.page, attributes: 'data-query="page,q"' } }, async page => {
      for (const step of ['history.pushState({}, "", "?page=3&token=2")', 'history.pushState({}, "", "?page=3&token=3")', 'history.pushState({}, "", "?token=3")']) await run(step)(page);
    }, ["/list?page=2&q=a%20b", "/list?page=3", "/list"].map(p => ({ p })));
  }
  await testCase("updateCurrentEntry", { path: "/app" }, page => page.evaluate("navigation.updateCurrentEntry({ state: { scroll: 5 } })"), [{ p: "/app" }]);
  await testCase("an intercepted navigation", { path: "/app" }, page => page.evaluate(async () => {
    navigation.addEventListener("navigate", event => event.intercept());
    await navigation.navigate("/app/intercepted").finished;
    await navigation.back().finished;
  }), [{ p: "/app" }, { p: "/app/intercepted" }, { p: "/app" }]);
  await testCase("the page's own functions stay", { path: "/app", init: removeNavigation }, async page => {
    check("history is not patched", await page.evaluate("!Object.hasOwn(history, 'pushState') && /native code/.test(history.pushState)"));
  }, [{ p: "/app" }]);
}

async function checkCampaigns() {
  await testCase("a query is dropped", { path: "/account?token=secret&=&&a=b#part" }, null, [{ p: "/account" }]);
  await testCase("utm_source, utm_medium, utm_campaign", { path: "/?utm_source=letter&utm_medium=email&utm_campaign=Spring%20sale&utm_term=x&ref=other" },
    page => page.evaluate('history.pushState({}, "", "/next" + location.search)'),
    [{ p: "/", c: { source: "letter", medium: "email", campaign: "Spring sale" } }, { p: "/next" }]);
  await testCase("ref", { path: "/?ref=news.example.org" }, null, [{ p: "/", c: { source: "news.example.org" } }]);
  await testCase("only a campaign", { path: "/?utm_campaign=%E2%98%83&utm_source=" }, null, [{ p: "/", c: { campaign: "☃" } }]);
}

async function checkEvents() {
  const body = `<button data-footfall-event="signup"><b>Sign up</b></button> <a href="/bought" data-footfall-event="buy">Buy</a>
    <form><input name="field"><button data-footfall-event="sent">Send</button></form><p data-footfall-event="">Text</p>`;
  const keep = 'addEventListener("submit", event => event.preventDefault())';
  const special = { body, head: `<script>${keep}</script>` };
  await testCase("an event by click, in the element", { path: "/shop", page: special }, page => page.click("b"), [{ p: "/shop" }, { p: "/shop", e: "signup" }]);
  for (const [name, key] of [["Enter", "Enter"], ["the space bar", " "]]) {
    await testCase(`an event by ${name}`, { path: "/shop", page: special }, async page => {
      await page.focus("button");
      await page.keyboard.press(key);
    }, [{ p: "/shop" }, { p: "/shop", e: "signup" }]);
  }
  await testCase("an event by Enter in a field of the form", { path: "/shop", page: special }, async page => {
    await page.focus("input");
    await page.keyboard.press("Enter");
  }, [{ p: "/shop" }, { p: "/shop", e: "sent" }]);
  await testCase("an event of a link that leads away", { path: "/shop", page: special }, async page => {
    await page.click("a");
    await page.waitForURL("**/bought");
  }, [{ p: "/shop" }, { p: "/shop", e: "buy" }, { p: "/bought", r: site.origin }]);
  await testCase("an event whose click the page keeps to itself", { path: "/shop", page: special }, async page => {
    await page.evaluate(() => document.querySelector("button").addEventListener("click", event => event.stopImmediatePropagation()));
    await page.click("b");
  }, [{ p: "/shop" }, { p: "/shop", e: "signup" }]);
  await testCase("clicks beside", { path: "/shop", page: special }, async page => {
    await page.click("p");
    await page.mouse.click(2, 600);
    await page.evaluate("dispatchEvent(new Event('click')), document.dispatchEvent(new Event('click'))");
  }, [{ p: "/shop" }]);
  await testCase("an event by call", { path: "/shop" }, page => page.evaluate(`${documented("js", "signup")}; footfall(); footfall("")`), [{ p: "/shop" }, { p: "/shop", e: "signup" }]);
  await testCase("an event where Footfall is blocked", { path: "/shop", page: special, route: ["**/footfall.js", route => route.abort()], expected: text => text.includes("ERR_FAILED") },
    async page => { await page.click("b"); await page.evaluate(documented("js", "signup")); }, []);
}

async function checkObjection() {
  await testCase("an objection by the line of the documentation, which is taken back", { path: "/privacy", page: { body: documented("html", "onclick") } }, async page => {
    await page.click("button");
    check("the button says that it is done", /not counted/.test(await page.textContent("button")));
    await page.evaluate('history.pushState({}, "", "/after"); footfall("signup")');
    await page.reload();
    await page.goto(`${site.origin}/other`);
    await wait(SETTLED);
    await page.reload();
    check("it can be taken back", await page.evaluate("footfall.on()") === true);
    await page.reload();
  }, [{ p: "/privacy" }, { p: "/other" }]);
  await testCase("an objection by call", { path: "/privacy" }, async page => {
    check("the browser has stored it", await page.evaluate("footfall.off()") === true);
    await page.reload();
    await page.evaluate('footfall("signup")');
  }, [{ p: "/privacy" }]);
  await testCase("the owner's own", { path: "/mine" }, async page => {
    check("the browser has stored it", await page.evaluate("footfall.own()") === true);
    await page.reload();
    await wait(100);
    await page.evaluate(`localStorage.clear(); ${documented("js", "localStorage.footfall = 1")}`);
    await page.reload();
  }, [{ p: "/mine" }, { p: "/mine", o: 1 }, { p: "/mine", o: 1 }]);
  for (const [header, init] of [["sec-gpc", () => Object.defineProperty(navigator, "globalPrivacyControl", { value: true })], ["dnt", () => Object.defineProperty(navigator, "doNotTrack", { value: "1" })]]) {
    await testCase(`${header}: sent, and marked by the browser's header`, { path: "/signal", init, context: { extraHTTPHeaders: { [header]: "1" } }, wants: ({ headers }) => headers[header] === "1" }, null, [{ p: "/signal" }]);
  }
}

async function checkObstacles() {
  const policy = more => ({ headers: { "content-security-policy": `default-src 'none'; ${more}` } });
  const refused = text => /Content.Security.Policy/.test(text);
  const lines = documented("text", "connect-src").trim().replaceAll("https://HOST", counter.origin);
  await testCase("the policy of the documentation", { path: "/strict", page: policy(lines) }, page => page.evaluate('footfall("signup")'), [{ p: "/strict" }, { p: "/strict", e: "signup" }]);
  await testCase("a policy without connect-src", { path: "/strict", page: policy(`script-src ${counter.origin}`), expected: refused }, null, []);
  await testCase("a policy without script-src", { path: "/strict", page: policy(`connect-src ${counter.origin}`), expected: refused }, null, []);
  const failed = text => text.includes("ERR_FAILED");
  await testCase("the script is blocked", { path: "/blocked", route: ["**/footfall.js", route => route.abort()], expected: failed }, null, []);
  await testCase("the endpoint is blocked", { path: "/blocked", route: ["**/v", route => route.abort()], expected: failed }, page => page.evaluate('history.pushState({}, "", "/next")'), []);
  const away = [
    ["fetch is missing", () => { delete globalThis.fetch; }],
    ["fetch throws", () => { globalThis.fetch = () => { throw new Error("no"); }; }],
    ["fetch returns nothing", () => { globalThis.fetch = () => {}; }],
    ["the browser knows no time zones", () => { delete globalThis.Intl; }],
  ];
  for (const [name, init] of away) {
    await testCase(name, { path: "/poor", init }, page => page.evaluate('history.pushState({}, "", "/poor/next"); footfall({ e: "signup" })'), []);
  }
  const stores = [
    ["localStorage throws", () => Object.defineProperty(globalThis, "localStorage", { get() { throw new DOMException("no", "SecurityError"); } })],
    ["localStorage is missing", () => { delete globalThis.localStorage; }],
    ["localStorage is null", () => Object.defineProperty(globalThis, "localStorage", { value: null })],
  ];
  for (const [name, init] of stores) {
    await testCase(name, { path: "/poor", init }, async page => {
      check("an objection does not pretend", await page.evaluate("footfall.off()") !== true);
    }, [{ p: "/poor" }]);
  }
  await testCase("data-to", { path: "/to", page: { attributes: 'data-to="/renamed"' } }, async () => {
    await until("it is here", 5, async () => records.length === 1);
    check("it is sent there", records[0].url === "/renamed", records[0].url);
  }, [{ p: "/to" }]);
  await testCase("the script in a folder", { path: "/folder", page: { source: `${counter.origin}/moved/footfall.js` } }, async () => {
    await until("it is here", 5, async () => records.length === 1);
    check("it sends beside itself", records[0].url === "/moved/v", records[0].url);
  }, [{ p: "/folder" }]);
}

async function checkPicture() {
  await about("the picture of the documentation, without script", async () => {
    records = [];
    pictures = [];
    pages.set("/plain", { copies: 0, body: documented("html", "<img").replace("https://HOST", counter.origin) });
    const context = await browser.newContext({ userAgent: CHROME });
    const page = await context.newPage();
    await page.goto(`${site.origin}/plain?token=1`);
    await expectRecords([]);
    check("it is asked for once", pictures.length === 1, pictures);
    // Firefox lets no page tell another site more than its origin.
    const named = inFirefox ? "/" : "/plain";
    check("the page is named", pictures[0]?.referer === (inFirefox ? `${site.origin}/` : `${site.origin}/plain?token=1`), pictures[0]);
    add("all", "pageviews");
    add("pages", named);
    await context.close();
  });
}

/** What tabs do, in browsers as people have them. */
async function checkTabs(real) {
  const fresh = () => { records = []; pages.clear(); prerendered.clear(); };
  const shows = (tab, expression) => until(expression, 10, () => tab.run(expression));
  /** A tab whose page has another one prerendered. Chromium is free not to, and on a busy machine it does not always. */
  const openPrerendering = async () => {
    for (let attempt = 1; ; attempt += 1) {
      fresh();
      pages.set("/before", { head: '<script type="speculationrules">{"prerender":[{"urls":["/after"],"eagerness":"immediate"}]}</script>', body: '<a href="/after">next</a>' });
      const tab = await real.open(`${site.origin}/before`);
      await tab.front();
      await shows(tab, "document.readyState === 'complete' && document.visibilityState === 'visible'");
      const began = await until("Chromium prerenders /after", 3, async () => prerendered.has("/after")).then(() => true, () => false);
      if (began) {
        await wait(1500);
        return tab;
      }
      await expectRecords([{ p: "/before" }]);
      await tab.close();
      if (attempt === 5) throw new Error("Chromium has prerendered nothing in five attempts");
    }
  };
  const checkPrerendering = async () => {
    await about("a prerendered page counts when it is opened", async () => {
      for (let attempt = 1, wasPrerendered = false; !wasPrerendered; attempt += 1) {
        const tab = await openPrerendering();
        check("only the first page is sent", records.length === 1 && records[0].text.includes("/before"), records);
        await tab.run("document.querySelector('a').click()");
        await shows(tab, "location.pathname === '/after' && document.readyState === 'complete'");
        // On a busy machine Chromium may give up what it has begun to prerender; then the page counts once, too.
        wasPrerendered = await tab.run("performance.getEntriesByType('navigation')[0].activationStart") > 0;
        await expectRecords([{ p: "/before" }, { p: "/after", r: site.origin }]);
        await tab.close();
        if (!wasPrerendered && attempt === 5) throw new Error("Chromium has given up five times what it prerendered");
      }
    });
    await about("a prerendered page that is not opened does not count", async () => {
      const tab = await openPrerendering();
      await tab.run("location.href = '/elsewhere'");
      await shows(tab, "location.pathname === '/elsewhere'");
      await expectRecords([{ p: "/before" }, { p: "/elsewhere", r: site.origin }]);
      await tab.close();
    });
  };
  await about("a tab in the background counts when it is first shown", async () => {
    fresh();
    const front = await real.open("about:blank");
    const tab = await real.open(`${site.origin}/tab`, true);
    await shows(tab, "document.readyState === 'complete'");
    check("it is hidden", await tab.run("document.visibilityState") === "hidden");
    await wait(SETTLED);
    check("nothing is sent", records.length === 0, records);
    await tab.front();
    await shows(tab, "document.visibilityState === 'visible'");
    await front.front();
    await shows(tab, "document.visibilityState === 'hidden'");
    await tab.front();
    await shows(tab, "document.visibilityState === 'visible'");
    await expectRecords([{ p: "/tab" }]);
    await Promise.all([front.close(), tab.close()]);
  });
  if (inFirefox) {
    await about("Firefox prerenders nothing", async () => {
      const tab = await real.open("about:blank");
      check("it knows no speculation rules", await tab.run("HTMLScriptElement.supports?.('speculationrules') !== true && !('prerendering' in document)"));
      await tab.close();
    });
    leaveOut("a prerendered page counts when it is opened", "because Firefox prerenders nothing");
    leaveOut("a prerendered page that is not opened does not count", "because Firefox prerenders nothing");
  } else {
    await checkPrerendering();
  }
  await about("a page out of the back/forward cache counts once more", async () => {
    fresh();
    const tab = await real.open(`${site.origin}/kept`);
    await shows(tab, "location.pathname === '/kept' && document.readyState === 'complete'");
    await tab.run("globalThis.loadedOnce = true; addEventListener('pageshow', event => { globalThis.restored = event.persisted; })");
    await tab.run("location.href = '/left'");
    await shows(tab, "location.pathname === '/left' && document.readyState === 'complete'");
    await tab.run("history.back()");
    await shows(tab, "location.pathname === '/kept' && globalThis.restored !== undefined");
    check("it is the same page, restored", await tab.run("globalThis.loadedOnce === true && globalThis.restored === true"));
    await wait(100);
    await tab.run("history.replaceState({}, '', '/kept')");
    await expectRecords([{ p: "/kept" }, { p: "/left", r: site.origin }, { p: "/kept" }]);
    await tab.close();
  });
}

/** The lines for nginx in docs/embedding.md, in a server of the site. */
async function checkNginx() {
  await about("nginx, with the lines of the documentation", async () => {
    records = [];
    pages.clear();
    const folder = mkdtempSync(join(tmpdir(), "footfall-nginx."));
    const port = await freePort();
    const lines = documented("nginx", "location").replaceAll("https://HOST", `http://127.0.0.1:${counter.port}`);
    writeFileSync(join(folder, "nginx.conf"), `
      daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
      events { }
      http {
        access_log off;
        ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(name => `${name}_temp_path ${folder}/${name};`).join(" ")}
        server {
          listen 127.0.0.1:${port};
          location / { proxy_pass http://127.0.0.1:${site.port}; }
          ${lines}
        }
      }`);
    const server = spawn(NGINX_BINARY, ["-e", join(folder, "error.log"), "-p", folder, "-c", join(folder, "nginx.conf")], { stdio: "inherit" });
    const stop = () => server.kill();
    process.on("exit", stop);
    try {
      const origin = `http://${SITE}:${port}`;
      await until("nginx answers", 10, async () => (await fetch(`http://127.0.0.1:${port}/`)).ok);
      pages.set("/home", { source: documented("html", 'src="/f/footfall.js"').match(/src="([^"]*)"/)[1], headers: { "set-cookie": "session=secret", "content-security-policy": "default-src 'self'" } });
      const context = await browser.newContext({ userAgent: CHROME, extraHTTPHeaders: { "x-forwarded-for": "203.0.113.7" } });
      const page = await context.newPage();
      const complaints = [];
      context.on("console", message => { if (["error", "warning"].includes(message.type())) complaints.push(message.text()); });
      await page.goto(`${origin}/home?token=secret`);
      await page.reload();
      await expectRecords([{ p: "/home" }, { p: "/home" }], { origin, wants: ({ headers }) => headers["x-forwarded-for"] === "127.0.0.1" });
      check("the counter sees it where it is", records.every(({ url }) => url === "/v"), records.map(({ url }) => url));
      check("the console is empty", complaints.length === 0, complaints);
      await context.close();
    } finally {
      process.off("exit", stop);
      stop();
      if (server.exitCode === null) await once(server, "exit");
      rmSync(folder, { recursive: true });
    }
  });
}

// All of it

/** The pageviews of today by list and value, as `sums` has them. */
async function statistics(origin) {
  const answer = await (await fetch(`${origin}/api/statistics?site=${SITE}&period=today`)).json();
  const list = name => new Map(answer[name].map(({ value, pageviews }) => [value, pageviews]));
  const all = new Map([["pageviews", answer.pageviews.today], ["own", answer.excluded.own]]);
  return { all, pages: list("pages"), events: list("events"), languages: list("languages"), countries: list("countries") };
}

/** What a real handler's statistics say more than before is what was sent. */
async function checkStatistics(upstream, before) {
  await about("the handler has counted what was sent", async () => {
    // "At most a second old."
    await wait(1100);
    const after = await statistics(upstream);
    for (const [list, expected] of Object.entries(sums)) {
      for (const [value, count] of expected) {
        const found = (after[list].get(value) ?? 0) - (before[list].get(value) ?? 0);
        check(`${list}, ${value}: ${count} more`, found === count, found);
      }
    }
    // The picture has its language from there anyway.
    const english = languages => [...languages].reduce((sum, [value, pageviews]) => sum + (/^en\b/.test(value) ? pageviews : 0), 0);
    check("the script's language is known, from Accept-Language", english(after.languages) - english(before.languages) > 1, [...after.languages]);
    check("the country is known, from the time zone", after.countries.has("DE"), [...after.countries]);
  });
}

async function main() {
  await notAcrossMidnight(20);
  const upstream = options.handler ? await startHandler(options.handler, {
    PATH: process.env.PATH, HOME: process.env.HOME, DATABASE_URL, FOOTFALL_SITES: SITE, FOOTFALL_LOG: "warn", FOOTFALL_RATE_LIMIT: "off",
  }) : process.env.FOOTFALL_URL;
  counter = await startCounter(upstream);
  site = await startPages(counter);
  const before = upstream && await statistics(upstream);
  browser = inFirefox ? await startFirefox(FIREFOX, HOSTS) : await chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS, "--disable-background-networking"] });
  if (inFirefox) leaveOut("a request is a fetch and no beacon", "because Firefox does not tell who drives it");
  try {
    await checkFirstViews();
    await checkNavigations();
    await checkCampaigns();
    await checkEvents();
    await checkObjection();
    await checkObstacles();
    await checkPicture();
    await checkNginx();
    // One browser at a time.
    await browser.close();
    browser = inFirefox ? await startFirefox(FIREFOX, HOSTS)
      : await startChromium(CHROMIUM, [...FLAGS, `--user-agent=${CHROME}`, "--enable-features=BackForwardCache", "--disable-features=Prerender2MemoryControls"]);
    await checkTabs(browser);
    if (upstream) await checkStatistics(upstream, before);
  } finally {
    await browser.close();
    stopHandlers();
    counter.end();
    site.end();
  }
  return summarize();
}

process.exit(await main() ? 0 : 1);
