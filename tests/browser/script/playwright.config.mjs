// Configuration of Playwright's test runner for the script of other sites. tests/browser/check-script sets the
// environment: BROWSER (chromium or firefox), CHROMIUM, FIREFOX, NGINX_BINARY, for a real handler HANDLER and
// DATABASE_URL, or FOOTFALL_URL, and LISTS for the lists of ad blockers.

import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: ".",
  testIgnore: process.env.LISTS ? [] : "block-lists.spec.mjs",
  outputDir: `../test-results/script-${process.env.BROWSER}`,
  globalSetup: "./support/setup.mjs",
  reporter: [["list"], ["../count-reporter.mjs"]],
  // All tests share one counter, whose statistics must equal the requests.
  workers: 1,
  forbidOnly: Boolean(process.env.CI),
  timeout: 300_000,
});
