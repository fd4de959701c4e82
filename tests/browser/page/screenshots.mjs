// Takes the two pictures of the documentation, of always the same size: a taller page is scaled down.
//   tests/browser/check-page --screenshots FOLDER

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "@playwright/test";
import { ordinaryLog } from "./support/sample-log.mjs";
import { began, FIREFOX, importLog, ORDINARY, startHandler } from "./support/sites.mjs";

const [WIDTH, HEIGHT] = [1280, 1870];
const folder = process.argv[2];
mkdirSync(folder, { recursive: true });
const settings = { FOOTFALL_SITES: [ORDINARY, "shop.example.com", "docs.example.com"].join(",") };
const { origin, stop } = await startHandler(settings);
await importLog(ORDINARY, ordinaryLog(began, 60, 640), settings);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});

/** Opens the page at this scale, returns its height, and keeps a picture if there is a `path`. */
async function take(colorScheme, scale, path) {
  const context = await browser.newContext({
    userAgent: FIREFOX,
    locale: "en-GB",
    timezoneId: "UTC",
    colorScheme,
    deviceScaleFactor: scale,
    viewport: { width: Math.round(WIDTH / scale), height: Math.floor(HEIGHT / scale) },
  });
  const page = await context.newPage();
  await page.goto(`${origin}/?site=${ORDINARY}`);
  const height = await page.evaluate(() => document.body.offsetHeight);
  if (path) await page.screenshot({ path });
  await context.close();
  return height;
}

for (const [colorScheme, file] of [
  ["light", "screenshot.png"],
  ["dark", "screenshot-dark.png"],
]) {
  const scale = Math.min(1, HEIGHT / (await take(colorScheme, 1)));
  await take(colorScheme, scale, join(folder, file));
}
await browser.close();
await stop();
