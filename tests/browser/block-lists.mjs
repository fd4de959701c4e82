// Holds what Footfall's pages load and send by default against the lists of ad blockers: see tests/browser/check-script, which
// fetches the lists and names the files as arguments. The engine is Ghostery's, which reads the same rules.

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { FiltersEngine, Request } from "@ghostery/adblocker";
import { about, check, summarize } from "./findings.mjs";

/** Where the counter may be, and the pages that use it: on a host of its own, beside the site, and in it. */
const PLACES = [
  ["https://stats.example.org", "https://example.com/", "a host of another site"],
  ["https://stats.example.com", "https://example.com/", "a host beside the site"],
  ["https://example.com", "https://example.com/", "the site itself"],
  ["https://example.com/f", "https://example.com/", "a path of the site, as in docs/embedding.md"],
  // As Azure names it.
  ["https://footfall-3f2a.azurewebsites.net", "https://www.example.com/blog/", "Azure's name"],
];
// A fetch with keepalive is no "ping" (script.mjs sees to that): uBlock's list blocks all of these to other sites, beacons too.
const DEFAULTS = [
  ["/footfall.js", "script"],
  ["/v", "xmlhttprequest"], ["/v", "fetch"],
  ["/v/example.com.gif", "image"],
];
/** What peers send to, or have sent to, and what is blocked: a check that cannot fail holds nothing. */
const BLOCKED = [["/collect.gif?x=1", "image"], ["/collect?d=1", "xmlhttprequest"], ["/matomo.php?idsite=1", "image"], ["/v", "ping"]];

const files = process.argv.slice(2);
const texts = new Map(files.map(file => [basename(file), readFileSync(file, "utf8")]));
const engineOf = text => FiltersEngine.parse(text, { loadCosmeticFilters: false });
const blocks = (engine, url, type, sourceUrl) => {
  const { match, filter } = engine.match(Request.fromRawDetails({ url, type, sourceUrl }));
  return match && String(filter?.rawLine ?? filter ?? true);
};

await about("the lists", async () => {
  for (const name of ["easylist.txt", "easyprivacy.txt"]) check(`${name} is among them`, texts.has(name));
  for (const [name, text] of texts) {
    const rules = engineOf(text).getFilters().networkFilters.length;
    console.log(`     ${name}: ${rules} rules on requests`);
    check(`${name} has rules`, rules > 10, rules);
  }
});

const all = engineOf([...texts.values()].join("\n"));
for (const [host, page, what] of PLACES) {
  await about(`${what}: nothing that is sent to ${host} from ${page} is blocked`, async () => {
    for (const [path, type] of DEFAULTS) {
      const rule = blocks(all, host + path, type, page);
      check(`${type} ${host}${path} passes`, !rule, rule);
    }
  });
}
await about("what is blocked is found", async () => {
  for (const [path, type] of BLOCKED) check(`${type} ${path} is blocked`, Boolean(blocks(all, `https://stats.example.org${path}`, type, "https://example.com/")));
});

process.exitCode = summarize() ? 0 : 1;
