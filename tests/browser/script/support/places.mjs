// The names of the checks, and the code in docs/embedding.md.

import { readFileSync } from "node:fs";

export const {
  BROWSER = "chromium",
  CHROMIUM,
  FIREFOX,
  NGINX_BINARY,
  HANDLER,
  DATABASE_URL,
  FOOTFALL_URL,
} = process.env;
export const inFirefox = BROWSER === "firefox";

export const SITE = "example.com";
/** The browser resolves these hosts to this machine. */
export const HOSTS = [SITE, "stats.example.org", "search.example.net"];
export const CHROME =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) " +
  "Chrome/142.0.0.0 Safari/537.36";
export const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  `--host-resolver-rules=${HOSTS.map(host => `MAP ${host} 127.0.0.1`).join(", ")}`,
];

export const EMBEDDING = readFileSync(new URL("../../../../docs/embedding.md", import.meta.url), "utf8");

/** The first code in this language of docs/embedding.md that contains the words. */
export function documented(language, words) {
  for (const [, found, code] of EMBEDDING.matchAll(/^```(\w+)\n(.*?)^```$/gms)) {
    if (found === language && code.includes(words)) return code;
  }
  throw new Error(`docs/embedding.md has no ${language} with ${words}`);
}
