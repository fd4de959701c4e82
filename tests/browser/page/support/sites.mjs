// The sites, days and settings of the checks, and the commands of the handler that fill a database.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startHandler as start } from "../../handler.mjs";

export const { HANDLER = "target/debug/handler", DATABASE_URL } = process.env;

export const OWN = "footfall.example.com";
export const ORDINARY = "www.example.com";
export const HOSTILE = "hostile.example.com";
export const EMPTY = "new.example.com";
export const LONG = `${"a-name-as-long-as-a-label-of-a-host-name-may-be-".padEnd(63, "x")}.example.com`;
/** A site with imported numbers that FOOTFALL_SITES does not list. */
export const FORMER = "former.example.com";
export const TOKEN = "kX7mQ2vR9tWc4LzN8bHs3JdF";

// Headless Chromium names itself as headless, and so is counted as a robot.
export const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
export const CHROME =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) " +
  "Chrome/142.0.0.0 Safari/537.36";
export const SAFARI =
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) " +
  "Version/18.0 Safari/605.1.15";

/** All processes use the same time. playwright.config.mjs sets the variable. */
export const began = Number((process.env.CHECK_BEGAN ??= String(Date.now())));
export const DAY = 24 * 60 * 60 * 1000;
export const date = days => new Date(began - days * DAY).toISOString().slice(0, 10);
export const HOSTILE_DAY = Math.floor(began / DAY) - 3;
/** The first day of the month that lies so many months back. */
export const monthBack = months =>
  new Date(Date.UTC(new Date(began).getUTCFullYear(), new Date(began).getUTCMonth() - months, 1));
export const firstOf = months => monthBack(months).toISOString().slice(0, 10);
export const lastOf = months => new Date(monthBack(months - 1) - DAY).toISOString().slice(0, 10);
export const between = (from, to) => `from=${from}&to=${to}`;

/** The settings of the handler, without any variable that is set by chance on this machine. */
export function environment(more) {
  const { PATH, HOME } = process.env;
  return {
    PATH,
    HOME,
    DATABASE_URL,
    WEBSITE_HOSTNAME: OWN,
    FOOTFALL_SITES: [ORDINARY, HOSTILE, EMPTY, LONG].join(","),
    FOOTFALL_LOG: "warn",
    // All requests of the checks come from one network.
    FOOTFALL_RATE_LIMIT: "off",
    ...more,
  };
}

export const startHandler = (settings = {}) => start(HANDLER, environment(settings));

/** Creates an empty database on the server of DATABASE_URL, for checks that change or delete numbers. */
export function createDatabase(name) {
  execFileSync("psql", [DATABASE_URL, "--quiet", "--command", `CREATE DATABASE ${name}`]);
  const url = new URL(DATABASE_URL);
  url.pathname = `/${name}`;
  return url.href;
}

/** Runs `handler import` on a folder or on the only file in the folder, and returns the summary. */
async function runImport(args, { name, text, wholeFolder = false }, settings) {
  const folder = mkdtempSync(join(tmpdir(), "footfall-import."));
  try {
    const file = join(folder, name);
    writeFileSync(file, text);
    const child = spawn(HANDLER, ["import", ...args, "--json", wholeFolder ? folder : file], {
      env: environment(settings),
      stdio: ["ignore", "pipe", "inherit"],
    });
    let summary = "";
    child.stdout.on("data", text => {
      summary += text;
    });
    const [code] = await once(child, "close");
    if (code !== 0) throw new Error(`handler import ${args.join(" ")} ended with ${code}`);
    return JSON.parse(summary);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export async function importLog(site, log, settings = {}) {
  const summary = await runImport(["--site", site], { name: "access.log", text: log }, settings);
  const lines = log.split("\n").length - 1;
  if (summary.lines !== lines || summary.pageviews === 0) {
    throw new Error(`the import of ${lines} lines for ${site} reports ${JSON.stringify(summary)}`);
  }
}

/** Imports the daily totals of an export of Plausible. `days` are dates, visitors and pageviews. */
export const importPlausible = (site, days, settings) =>
  runImport(
    ["--site", site, "--from", "plausible"],
    {
      name: "imported_visitors.csv",
      text: [
        "date,visitors,pageviews,bounces,visits,visit_duration",
        ...days.map(day => [...day, 0, 0, 0].join()),
      ].join("\n"),
      wholeFolder: true,
    },
    settings,
  );

/** Imports the daily totals of an export of Umami. `days` are dates and visitors with one pageview each. */
export const importUmami = (site, days, settings) =>
  runImport(
    ["--site", site, "--from", "umami"],
    {
      name: "website_event.csv",
      text: [
        "website_id,session_id,event_type,created_at",
        ...days.flatMap(([date, visitors]) =>
          Array.from({ length: visitors }, (_, session) => `w,${session},1,${date} 12:00:00`),
        ),
      ].join("\n"),
    },
    settings,
  );

/** Adds an annotation to a day of a site. */
export const annotate = (site, day, text, settings) =>
  execFileSync(HANDLER, ["annotate", "--site", site, "--date", day, text], { env: environment(settings) });
