// The lists of ad blockers match none of the requests that Footfall's pages send by default. tests/browser/check-script
// unpacks the lists into the folder LISTS. Ghostery's engine reads the same rules as the ad blockers.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FiltersEngine, Request } from "@ghostery/adblocker";
import { test } from "@playwright/test";
import { check } from "../check.mjs";

/** Addresses of the counter and of the pages that use it: on another site, on a sibling host of the site, and in the site. */
const PLACES = [
  ["https://stats.example.org", "https://example.com/", "a host of another site"],
  ["https://stats.example.com", "https://example.com/", "a sibling host of the site"],
  ["https://example.com", "https://example.com/", "the site itself"],
  ["https://example.com/f", "https://example.com/", "a path of the site, as in docs/embedding.md"],
  ["https://footfall-3f2a.azurewebsites.net", "https://www.example.com/blog/", "the default name of an app in Azure"],
];
// A fetch with keepalive is not a "ping", as the other tests check. uBlock's list blocks pings and beacons to other
// sites.
const DEFAULTS = [
  ["/footfall.js", "script"],
  ["/footfall.js?&track", "script"],
  ["/v", "xmlhttprequest"],
  ["/v", "fetch"],
  ["/v/example.com.gif", "image"],
];
/** Requests of other counters, and a ping, which the lists block. They show that the checks can fail. */
const BLOCKED = [
  ["/collect.gif?x=1", "image"],
  ["/collect?d=1", "xmlhttprequest"],
  ["/matomo.php?idsite=1", "image"],
  ["/v", "ping"],
];

const { LISTS } = process.env;
const engineOf = text => FiltersEngine.parse(text, { loadCosmeticFilters: false });
const readLists = () => new Map(readdirSync(LISTS).map(name => [name, readFileSync(join(LISTS, name), "utf8")]));
const readAll = () => engineOf([...readLists().values()].join("\n"));

/** The rule that blocks the request, if there is one. */
function blockingRule(engine, url, type, sourceUrl) {
  const { match, filter } = engine.match(Request.fromRawDetails({ url, type, sourceUrl }));
  return match && String(filter?.rawLine ?? filter ?? true);
}

test("the lists have rules", () => {
  const lists = readLists();
  for (const name of ["easylist.txt", "easyprivacy.txt"]) check(`${name} is one of the lists`, lists.has(name));
  for (const [name, text] of lists) {
    const rules = engineOf(text).getFilters().networkFilters.length;
    check(`${name} has rules`, rules > 10, rules);
  }
});

test("no request is blocked", () => {
  const engine = readAll();
  for (const [host, page, what] of PLACES) {
    for (const [path, type] of DEFAULTS) {
      const rule = blockingRule(engine, host + path, type, page);
      check(`${what}: ${type} ${host}${path} passes`, !rule, rule);
    }
  }
});

test("the lists block known requests", () => {
  const engine = readAll();
  for (const [path, type] of BLOCKED) {
    const rule = blockingRule(engine, `https://stats.example.org${path}`, type, "https://example.com/");
    check(`${type} ${path} is blocked`, Boolean(rule));
  }
});
