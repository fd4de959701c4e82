// Checks that the lists of ad blockers match none of the requests that Footfall's pages send by default. tests/browser/check-script
// fetches the lists and names the files as arguments. Ghostery's engine reads the same rules.

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { FiltersEngine, Request } from "@ghostery/adblocker";
import { about, check, summarize } from "./findings.mjs";

/** Addresses of the counter and of the pages that use it: on a host of its own, on a sibling host of the site, and in the site. */
const PLACES = [
  ["https://stats.example.org", "https://example.com/", "a host of another site"],
  ["https://stats.example.com", "https://example.com/", "a sibling host of the site"],
  ["https://example.com", "https://example.com/", "the site itself"],
  ["https://example.com/f", "https://example.com/", "a path of the site, as in docs/embedding.md"],
  // The default name of an app in Azure.
  ["https://footfall-3f2a.azurewebsites.net", "https://www.example.com/blog/", "Azure's name"],
];
// A fetch with keepalive is not a "ping" (script.mjs checks that). uBlock's list blocks pings and beacons to other sites.
const DEFAULTS = [
  ["/footfall.js", "script"],
  ["/v", "xmlhttprequest"], ["/v", "fetch"],
  ["/v/example.com.gif", "image"],
];
/** Requests of other counters, and a ping, which the lists block. They show that the checks can fail. */
const BLOCKED = [["/collect.gif?x=1", "image"], ["/collect?d=1", "xmlhttprequest"], ["/matomo.php?idsite=1", "image"], ["/v", "ping"]];

const files = process.argv.slice(2);
const texts = new Map(files.map(file => [basename(file), readFileSync(file, "utf8")]));
const engineOf = text => FiltersEngine.parse(text, { loadCosmeticFilters: false });
const blocks = (engine, url, type, sourceUrl) => {
  const { match, filter } = engine.match(Request.fromRawDetails({ url, type, sourceUrl }));
  return match && String(filter?.rawLine ?? filter ?? true);
};

await about("the lists", async () => {
  for (const name of ["easylist.txt", "easyprivacy.txt"]) check(`${name} is one of the lists`, texts.has(name));
  for (const [name, text] of texts) {
    const rules = engineOf(text).getFilters().networkFilters.length;
    console.log(`     ${name}: ${rules} rules on requests`);
    check(`${name} has rules`, rules > 10, rules);
  }
});

const all = engineOf([...texts.values()].join("\n"));
for (const [host, page, what] of PLACES) {
  await about(`${what}: no request to ${host} from ${page} is blocked`, async () => {
    for (const [path, type] of DEFAULTS) {
      const rule = blocks(all, host + path, type, page);
      check(`${type} ${host}${path} passes`, !rule, rule);
    }
  });
}
await about("the lists block known requests", async () => {
  for (const [path, type] of BLOCKED) check(`${type} ${path} is blocked`, Boolean(blocks(all, `https://stats.example.org${path}`, type, "https://example.com/")));
});

process.exitCode = summarize() ? 0 : 1;
