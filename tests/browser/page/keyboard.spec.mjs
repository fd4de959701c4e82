// The page with the keyboard only.

import { SCRIPT_MODES } from "./support/look.mjs";
import { between, date, ORDINARY } from "./support/sites.mjs";
import { check, checkSoon, fragment, keepPicture, open, test } from "./support/test.mjs";

const CONTROLS = "a[href], summary, button, input, select, [tabindex]";

async function checkSkipLink(page, name) {
  await page.keyboard.press("Tab");
  const skip = await page.evaluate(() => {
    const { left, right, top, width, height } = document.activeElement.getBoundingClientRect();
    return {
      text: document.activeElement.textContent,
      seen: left >= 0 && right <= innerWidth && top >= 0 && width > 20 && height > 10,
      covers: document.elementFromPoint(left + width / 2, top + height / 2) === document.activeElement,
    };
  });
  check(
    `${name}: Tab reaches a visible skip link first`,
    skip.text === "Skip to the numbers" && skip.seen && skip.covers,
    skip,
  );
  await page.keyboard.press("Enter");
  await checkSoon(
    `${name}: the skip link leads to the numbers`,
    async () => (await fragment(page)) === "#main",
    () => page.url(),
  );
  await page.keyboard.press("Tab");
  const inMain = await page.evaluate(() => document.activeElement.closest("main") !== null);
  check(`${name}: after the skip link, Tab continues within the numbers`, inMain);
}

/** Tab reaches each link and control once, in order, with a visible focus. */
async function checkTabOrder(page, name, javaScriptEnabled) {
  await page.evaluate(() => {
    document.activeElement.blur();
    scrollTo(0, 0);
  });
  await page.goto(page.url().replace(/#.*/, ""));
  const expected = await page.evaluate(
    controls =>
      [...document.querySelectorAll(controls)].filter(
        element => element.checkVisibility() && !element.matches("[type=radio]:not(:checked)"),
      ).length,
    CONTROLS,
  );
  const unseen = [];
  const reached = [];
  // The day, month, year and calendar of a date input are separate stops.
  const limit = expected + 5 * (await page.locator("[type=date]").count());
  for (let stop = 0; stop < limit && new Set(reached).size < expected; stop++) {
    await page.keyboard.press("Tab");
    const found = await page.evaluate(javaScriptEnabled => {
      const element = document.activeElement;
      const index = [...document.querySelectorAll("*")].indexOf(element);
      const style = getComputedStyle(element);
      const { top, bottom, left, right } = element.getBoundingClientRect();
      const outlined =
        element.matches(":focus-visible, input:focus-within") &&
        style.outlineStyle !== "none" &&
        parseFloat(style.outlineWidth) >= 2;
      // Without script, the browser shows a part of a link in a line that scrolls (WCAG 2.4.11).
      const across = javaScriptEnabled ? left >= 0 && right <= innerWidth + 0.5 : left < innerWidth && right > 0;
      const inside = top >= 0 && bottom <= innerHeight && across;
      const what = `${element.localName} ${element.textContent.trim().slice(0, 40)}`;
      return { index, what, seen: outlined && inside && element !== document.body };
    }, javaScriptEnabled);
    if (reached.at(-1) !== found.index) reached.push(found.index);
    if (!found.seen) unseen.push(found.what);
  }
  check(
    `${name}: Tab reaches each of ${expected} links and controls once`,
    reached.length === expected && new Set(reached).size === expected,
    reached.length,
  );
  check(`${name}: the focus is always visible`, unseen.length === 0, unseen);
}

for (const [javaScriptEnabled, mode] of SCRIPT_MODES) {
  test(`keyboard${mode}`, async ({ newPage, origin }) => {
    const page = await newPage({ javaScriptEnabled });
    for (const width of [360, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      await open(page, `${origin}/?site=${ORDINARY}&${between(date(9), date(3))}`);
      await checkSkipLink(page, `${width} px`);
      await checkTabOrder(page, `${width} px`, javaScriptEnabled);
    }
    await page.reload();
    await page.keyboard.press("Tab");
    if (javaScriptEnabled) await keepPicture(page, "skip link");
    await page.locator("figure summary").first().focus();
    await page.keyboard.press("Enter");
    await checkSoon("Enter opens the table of a chart", () => page.locator("figure table").first().isVisible());
  });
}
