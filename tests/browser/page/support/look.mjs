// Looks at a page at every width and in both colour schemes: accessibility (axe), contrast and layout.

import axe from "axe-core";
import { FIREFOX } from "./sites.mjs";
import { check, keepPicture, open } from "./test.mjs";

const WIDTHS = [360, 768, 1440];
/** A window of 1280 pixels at a zoom of 400 % (WCAG 1.4.10). */
const NARROWEST = 320;
export const SCHEMES = ["light", "dark"];
/** `preload` would load everything again for one rule about sound and video, which the page does not have. */
const RULES = { preload: false, runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] };
/** The rules about colours: nothing else changes in the other scheme. */
const COLOUR_RULES = { preload: false, runOnly: { type: "rule", values: ["color-contrast", "link-in-text-block"] } };

export const loadAxe = page => page.evaluate(axe.source);

export async function checkAxe(page, what = "axe finds nothing", rules = RULES) {
  const { violations } = await page.evaluate(rules => globalThis.axe.run(document, rules), {
    ...rules,
    resultTypes: ["violations"],
  });
  check(
    what,
    violations.length === 0,
    violations
      .map(({ id, help, nodes }) => {
        const places = nodes
          .slice(0, 3)
          .map(node => `${node.html.slice(0, 120)}: ${node.failureSummary.replaceAll("\n", " ")}`);
        return `\n${id} (${help}): ${places.join("; ")}`;
      })
      .join(""),
  );
}

/** Elements that are wider than the window, or cut off at its edge. */
export function findOverflow() {
  const room = document.documentElement.clientWidth;
  const whole = document.documentElement.scrollWidth;
  const found = [];
  if (whole > room) found.push(`the page is ${whole} wide, the window ${room}`);
  for (const element of document.querySelectorAll("body *:not(.skip)")) {
    const { left, right, width, height } = element.getBoundingClientRect();
    // The mark of a chart waits outside until the pointer is over the drawing, whose bounds include the mark.
    // A closed `details` keeps the layout of its content.
    if (!width || !height || !element.checkVisibility() || element.matches("rect, svg:has(> rect)")) continue;
    // Links in a line that scrolls.
    const line = element.parentElement.closest("nav");
    if (line && getComputedStyle(line).overflowX === "auto") continue;
    if (left < -0.5 || right > room + 0.5) {
      found.push(
        `<${element.localName}> ${element.textContent.trim().slice(0, 30)} is at ${left.toFixed()} to ${right.toFixed()}`,
      );
    }
  }
  return found.slice(0, 5);
}

/** Labels of charts that overlap. */
function findCollisions() {
  const found = [];
  for (const plot of document.querySelectorAll(".plot")) {
    const labels = [...plot.querySelectorAll(".x text, .y text")]
      .map(label => ({ text: label.textContent, box: label.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0);
    labels.forEach((one, index) => {
      for (const other of labels.slice(index + 1)) {
        const across = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
        const along = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
        if (across > 0 && along > 2) found.push(`${one.text} and ${other.text}`);
      }
    });
  }
  return found.slice(0, 5);
}

/**
 * Text over a bar or a drawing, whose contrast axe does not decide: WCAG 1.4.3 for the paper and for the bar behind the
 * text.
 */
function findFaintText() {
  const channel = value => ((value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = colour => {
    const [red, green, blue] = colour
      .match(/[\d.]+/g)
      .map(Number)
      .map(channel);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const paper = getComputedStyle(document.documentElement).backgroundColor;
  const found = new Set();
  for (const text of document.querySelectorAll(".list bdi, .plot text")) {
    const style = getComputedStyle(text);
    const colour = text.localName === "text" ? style.fill : style.color;
    const bar = text.closest("td")?.querySelector("svg");
    for (const ground of [paper, bar && getComputedStyle(bar).backgroundColor]) {
      if (ground && contrast(colour, ground) < 4.5)
        found.add(`${colour} on ${ground} is ${contrast(colour, ground).toFixed(2)}`);
    }
  }
  return [...found];
}

async function checkOverflow(page, where) {
  const overflow = await page.evaluate(findOverflow);
  check(`${where}: nothing is wider than the window`, overflow.length === 0, overflow);
}

/** Checks the page in its present state, at every width and in both schemes. axe runs in `twin`, see `openTwin`. */
export async function lookAt(page, name, twin = page) {
  const both = [...new Set([page, twin])];
  for (const width of WIDTHS) {
    for (const one of both) await one.setViewportSize({ width, height: 900 });
    for (const colorScheme of SCHEMES) {
      for (const one of both) await one.emulateMedia({ colorScheme });
      const where = `${width} px, ${colorScheme}`;
      await checkAxe(twin, `${where}: axe finds nothing`, colorScheme === SCHEMES[0] ? RULES : COLOUR_RULES);
      const faint = await page.evaluate(findFaintText);
      check(`${where}: text over bars has a contrast of at least 4.5:1`, faint.length === 0, faint);
      await keepPicture(page, `${name}-${width}-${colorScheme}`);
    }
    await checkOverflow(page, `${width} px`);
    const collisions = await page.evaluate(findCollisions);
    check(`${width} px: labels of charts do not overlap`, collisions.length === 0, collisions);
  }
  await page.setViewportSize({ width: NARROWEST, height: 900 });
  await checkOverflow(page, `${NARROWEST} px`);
  await keepPicture(page, `${name}-${NARROWEST}-${SCHEMES.at(-1)}`);
}

/**
 * A page in which axe can run. axe needs timers, which a page without JavaScript does not have. The twin gets the same
 * response, and only the policy keeps its script from running.
 */
async function openTwin(page, response, javaScriptEnabled) {
  if (javaScriptEnabled) {
    await loadAxe(page);
    return { twin: page, closeTwin: async () => {} };
  }
  const context = await page.context().browser().newContext({ userAgent: FIREFOX });
  const twin = await context.newPage();
  const [status, headers, body] = [response.status(), response.headers(), await response.text()];
  headers["content-security-policy"] = headers["content-security-policy"].replace(
    /script-src [^;]+/,
    "script-src 'none'",
  );
  await twin.route(page.url().replace(/#.*/, ""), route => route.fulfill({ status, headers, body }));
  await twin.goto(page.url());
  await loadAxe(twin);
  return { twin, closeTwin: () => context.close() };
}

/** Opens an address, runs the checks in `more`, and looks at the page. */
export async function openAndLook(
  newPage,
  address,
  name,
  { javaScriptEnabled = true, status = 200, expected, from, more = async () => {} } = {},
) {
  const page = await newPage({ javaScriptEnabled, expected, from });
  const response = await open(page, address, status);
  await more(page, response);
  const { twin, closeTwin } = await openTwin(page, response, javaScriptEnabled);
  await lookAt(page, javaScriptEnabled ? name : `${name}, without script`, twin);
  await closeTwin();
}

/** Runs a test with and without JavaScript. */
export const SCRIPT_MODES = [
  [true, ""],
  [false, ", without script"],
];
