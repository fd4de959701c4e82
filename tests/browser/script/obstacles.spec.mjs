// Pages and browsers that hinder the script: policies, blocked requests, missing functions. The page sees no error.

import { documented } from "./support/places.mjs";
import { check, checkStatistics, test, until, visit } from "./support/test.mjs";

const policy = more => ({ headers: { "content-security-policy": `default-src 'none'; ${more}` } });
const refused = text => /Content.Security.Policy/.test(text);
const failed = text => text.includes("ERR_FAILED");

test(
  "the policy of the documentation",
  visit(
    ({ counter }) => ({
      path: "/strict",
      page: policy(documented("text", "connect-src").trim().replaceAll("https://HOST", counter.origin)),
    }),
    page => page.evaluate('footfall("signup")'),
    [{ p: "/strict" }, { p: "/strict", e: "signup" }],
  ),
);
test(
  "a policy without connect-src",
  visit(
    ({ counter }) => ({
      path: "/strict",
      page: policy(`script-src ${counter.origin}`),
      expected: refused,
    }),
    null,
    [],
  ),
);
test(
  "a policy without script-src",
  visit(
    ({ counter }) => ({
      path: "/strict",
      page: policy(`connect-src ${counter.origin}`),
      expected: refused,
    }),
    null,
    [],
  ),
);

test(
  "the script is blocked",
  visit({ path: "/blocked", route: ["**/footfall.js", route => route.abort()], expected: failed }, null, []),
);
test(
  "the endpoint is blocked",
  visit(
    { path: "/blocked", route: ["**/v", route => route.abort()], expected: failed },
    page => page.evaluate('history.pushState({}, "", "/next")'),
    [],
  ),
);

for (const [name, init] of [
  [
    "fetch is missing",
    () => {
      delete globalThis.fetch;
    },
  ],
  [
    "fetch throws",
    () => {
      globalThis.fetch = () => {
        throw new Error("no");
      };
    },
  ],
  [
    "fetch returns nothing",
    () => {
      globalThis.fetch = () => {};
    },
  ],
  [
    "the browser has no time zones",
    () => {
      delete globalThis.Intl;
    },
  ],
]) {
  test(
    name,
    visit(
      { path: "/poor", init },
      page => page.evaluate('history.pushState({}, "", "/poor/next"); footfall({ e: "signup" })'),
      [],
    ),
  );
}

for (const [name, init] of [
  [
    "localStorage throws",
    () =>
      Object.defineProperty(globalThis, "localStorage", {
        get() {
          throw new DOMException("no", "SecurityError");
        },
      }),
  ],
  [
    "localStorage is missing",
    () => {
      delete globalThis.localStorage;
    },
  ],
  ["localStorage is null", () => Object.defineProperty(globalThis, "localStorage", { value: null })],
]) {
  test(
    name,
    visit(
      { path: "/poor", init },
      async page => {
        check("an objection that is not stored does not return true", (await page.evaluate("footfall.off()")) !== true);
      },
      [{ p: "/poor" }],
    ),
  );
}

const checkAddress =
  address =>
  async (_page, { counter }) => {
    await until("the view has arrived", async () => counter.records.length === 1);
    check(`the view is sent to ${address}`, counter.records[0].url === address, counter.records[0].url);
  };
test("data-to", visit({ page: { attributes: 'data-to="/renamed"' } }, checkAddress("/renamed"), [{ p: "/" }]));
test(
  "the script in a folder",
  visit(
    ({ counter }) => ({ page: { source: `${counter.origin}/moved/footfall.js` } }),
    checkAddress("/moved/v"),
    [{ p: "/" }],
  ),
);

test("the handler has counted each request", checkStatistics());
