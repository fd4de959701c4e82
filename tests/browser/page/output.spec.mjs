// The page on paper, and compressed.

import { get } from "node:http";
import { gunzipSync } from "node:zlib";
import { findOverflow } from "./support/look.mjs";
import { between, date, EMPTY, FIREFOX, HOSTILE, ORDINARY } from "./support/sites.mjs";
import { check, keepPicture, open, test } from "./support/test.mjs";

/** The largest of the usual pages after compression, in bytes. */
const LARGEST_SENT = 11_000;

test("print", async ({ newPage, origin }) => {
  const page = await newPage({ viewport: { width: 720, height: 900 } });
  await open(page, `${origin}/?site=${ORDINARY}&${between(date(20), date(10))}`);
  await page.emulateMedia({ media: "print" });
  const shown = await page
    .locator("nav, details, button, .skip")
    .evaluateAll(elements => elements.filter(element => element.checkVisibility()).length);
  check("no control is printed", shown === 0, shown);
  check(
    "charts, numbers and days are printed",
    await page
      .locator(".numbers, .totals, .plot, .lists, #range h2")
      .evaluateAll(elements => elements.every(element => element.checkVisibility())),
  );
  const overflow = await page.evaluate(findOverflow);
  check("nothing is wider than the paper", overflow.length === 0, overflow);
  await keepPicture(page, "print");
});

/** The response without decompression. */
const request = (address, headers = {}) =>
  new Promise((resolve, reject) => {
    get(address, { headers: { "user-agent": FIREFOX, ...headers } }, async response => {
      const pieces = [];
      for await (const piece of response) pieces.push(piece);
      resolve({ headers: response.headers, body: Buffer.concat(pieces) });
    }).on("error", reject);
  });

test("compression", async ({ origin }) => {
  // The time of the numbers can change between two responses.
  const withoutTime = html => html.toString().replace(/<time.*<\/time>/, "");
  const queries = [
    `site=${ORDINARY}`,
    `site=${ORDINARY}&period=12m`,
    `site=${EMPTY}`,
    `site=${HOSTILE}&${between(date(3), date(3))}`,
  ];
  for (const address of queries.map(query => `/?${query}`)) {
    const plain = await request(origin + address);
    const gzip = await request(origin + address, { "accept-encoding": "gzip" });
    check(
      `${address} is compressed only if the request accepts gzip`,
      plain.headers["content-encoding"] === undefined && gzip.headers["content-encoding"] === "gzip",
      gzip.headers,
    );
    check(
      `${address} is the same page after decompression`,
      withoutTime(gunzipSync(gzip.body)) === withoutTime(plain.body) && plain.body.length > 1000,
    );
    check(
      `${address} has fewer bytes compressed, and at most ${LARGEST_SENT}`,
      gzip.body.length < plain.body.length && gzip.body.length <= LARGEST_SENT,
      [plain.body.length, gzip.body.length],
    );
    check(
      `${address} varies by Accept-Language and Accept-Encoding`,
      [plain, gzip].every(({ headers }) => headers.vary === "accept-language, accept-encoding"),
    );
  }
});
