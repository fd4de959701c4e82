// Events by click, by key, and by call.

import { documented } from "./support/places.mjs";
import { checkStatistics, test, visit } from "./support/test.mjs";

const SHOP = {
  body: `<button data-footfall-event="signup"><b>Sign up</b></button> <a href="/bought" data-footfall-event="buy">Buy</a>
    <form><input name="field"><button data-footfall-event="sent">Send</button></form><p data-footfall-event="">Text</p>`,
  head: '<script>addEventListener("submit", event => event.preventDefault())</script>',
};
const IN_SHOP = { path: "/shop", page: SHOP };
const VIEW = { p: "/shop" };

test(
  "an event by a click inside the element",
  visit(IN_SHOP, page => page.click("b"), [VIEW, { ...VIEW, e: "signup" }]),
);
for (const [name, key] of [
  ["Enter", "Enter"],
  ["the space bar", " "],
]) {
  test(
    `an event by ${name}`,
    visit(
      IN_SHOP,
      async page => {
        await page.focus("button");
        await page.keyboard.press(key);
      },
      [VIEW, { ...VIEW, e: "signup" }],
    ),
  );
}
test(
  "an event by Enter in a field of the form",
  visit(
    IN_SHOP,
    async page => {
      await page.focus("input");
      await page.keyboard.press("Enter");
    },
    [VIEW, { ...VIEW, e: "sent" }],
  ),
);
test(
  "an event of a link to another page",
  visit(
    IN_SHOP,
    async page => {
      await page.click("a");
      await page.waitForURL("**/bought");
    },
    ({ site }) => [VIEW, { ...VIEW, e: "buy" }, { p: "/bought", r: site.origin }],
  ),
);
test(
  "an event whose click the page stops",
  visit(
    IN_SHOP,
    async page => {
      await page.evaluate(() =>
        document.querySelector("button").addEventListener("click", event => event.stopImmediatePropagation()),
      );
      await page.click("b");
    },
    [VIEW, { ...VIEW, e: "signup" }],
  ),
);
test(
  "clicks outside of elements with events",
  visit(
    IN_SHOP,
    async page => {
      await page.click("p");
      await page.mouse.click(2, 600);
      await page.evaluate("dispatchEvent(new Event('click')), document.dispatchEvent(new Event('click'))");
    },
    [VIEW],
  ),
);
test(
  "an event by call",
  visit({ path: "/shop" }, page => page.evaluate(`${documented("js", "signup")}; footfall(); footfall("")`), [
    VIEW,
    { ...VIEW, e: "signup" },
  ]),
);
test(
  "an event while Footfall is blocked",
  visit(
    {
      ...IN_SHOP,
      route: ["**/footfall.js", route => route.abort()],
      expected: text => text.includes("ERR_FAILED"),
    },
    async page => {
      await page.click("b");
      await page.evaluate(documented("js", "signup"));
    },
    [],
  ),
);

test("the handler has counted each request", checkStatistics());
