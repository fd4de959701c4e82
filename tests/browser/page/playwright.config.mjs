// Configuration of Playwright's test runner for the page. tests/browser/check-page sets the environment: HANDLER,
// DATABASE_URL, CHROMIUM and, for --gallery, GALLERY.

import { defineConfig } from "@playwright/test";
import { notAcrossMidnight } from "../wait.mjs";

// The workers read this file, too, and inherit the variable.
if (!process.env.CHECK_BEGAN) {
  await notAcrossMidnight(40);
  process.env.CHECK_BEGAN = String(Date.now());
}

export default defineConfig({
  testDir: ".",
  outputDir: "../test-results/page",
  globalSetup: "./support/setup.mjs",
  reporter: [["list"], ["../count-reporter.mjs"]],
  fullyParallel: true,
  // As many as a small machine has cores.
  workers: 2,
  forbidOnly: Boolean(process.env.CI),
  // Some calls to a page have no time limit of their own.
  timeout: 300_000,
  use: {
    launchOptions: {
      executablePath: process.env.CHROMIUM,
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
    },
  },
});
