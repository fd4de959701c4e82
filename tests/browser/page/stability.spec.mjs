// Nothing moves: while the page arrives in pieces, and while the chart is read out.

import { once } from "node:events";
import { createServer } from "node:http";
import { noteShifts } from "./support/shifts.mjs";
import { EMPTY, FIREFOX, ORDINARY } from "./support/sites.mjs";
import { check, checkSoon, keepPicture, open, test } from "./support/test.mjs";

const PHONE = 390;
/** The text of the readout ends at the edge of the chart, so it begins elsewhere for each bar. */
const READOUT = "figcaption span";

const painted = page =>
  page.evaluate(() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))));

/** Forwards to the handler. A page arrives in three pieces: `resume` sends the next one. */
async function inPieces(origin) {
  let next = deferred();
  const server = createServer(async (request, response) => {
    const answer = await fetch(origin + request.url, { headers: { "User-Agent": FIREFOX } });
    const body = Buffer.from(await answer.arrayBuffer());
    response.writeHead(answer.status, { "Content-Type": answer.headers.get("Content-Type") });
    let at = 0;
    if (request.url.startsWith("/?")) {
      const middle = body.indexOf("</bdi></a>");
      if (middle < 0) throw new Error(`${request.url} has no list of sites to stop in`);
      for (const end of [body.indexOf("<nav"), middle]) {
        response.write(body.subarray(at, end));
        at = end;
        await next.promise;
        next = deferred();
      }
    }
    response.end(body.subarray(at));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    resume: () => next.resolve(),
    close: () => server.close(),
  };
}

function deferred() {
  let resolve;
  return {
    promise: new Promise(settle => {
      resolve = settle;
    }),
    resolve,
  };
}

for (const [site, width] of [ORDINARY, EMPTY].flatMap(site => [
  [site, 1440],
  [site, PHONE],
])) {
  test(`nothing moves while the page of ${site} arrives, ${width} px`, async ({ newPage, origin }) => {
    const { address, resume, close } = await inPieces(origin);
    const page = await newPage({ from: address, viewport: { width, height: 900 } });
    await page.addInitScript(noteShifts, READOUT);
    await page.goto(`${address}/?site=${site}`, { waitUntil: "commit" });
    for (const last of [".brand", "nav bdi"]) {
      await page.waitForFunction(last => document.querySelector(last)?.textContent, last);
      await painted(page);
      resume();
    }
    await page.waitForLoadState("load");
    const shifts = await page.evaluate(() => globalThis.takeShifts());
    check("the browser reports no layout shift", shifts.length === 0, shifts);
    close();
  });
}

for (const width of [PHONE, 1440]) {
  test(`nothing moves while the chart is read out, ${width} px`, async ({ newPage, origin }) => {
    const page = await newPage({ viewport: { width, height: 900 }, hasTouch: width === PHONE });
    await page.addInitScript(noteShifts, READOUT);
    await open(page, `${origin}/?site=${ORDINARY}`);
    const plot = page.locator(".plot").last();
    await plot.scrollIntoViewIfNeeded();
    const before = await plot.boundingBox();
    for (let part = 1; part < 10; part++) {
      await page.mouse.move(before.x + (before.width * part) / 10, before.y + before.height / 2);
      const after = await plot.boundingBox();
      check(`the chart stays in its place (${part})`, after.y === before.y && after.height === before.height, [
        before,
        after,
      ]);
    }
    await checkSoon("the readout is shown", async () =>
      (await page.locator(READOUT).last().textContent()).includes(": Visitors "),
    );
    const shifts = await page.evaluate(() => globalThis.takeShifts());
    check("the browser reports no layout shift", shifts.length === 0, shifts);
    // Afterwards, because a picture of the whole page resizes the window.
    await keepPicture(page, `still-${width}`);
    if (width !== PHONE) return;
    const small = await page
      .locator("input:visible, button:visible, nav a, summary:visible")
      .evaluateAll(controls =>
        controls
          .filter(control => control.getBoundingClientRect().height < 24)
          .map(({ outerHTML }) => outerHTML.slice(0, 80)),
      );
    check("controls are at least 24 pixels high", small.length === 0, small);
    const sizes = await page
      .locator("input:visible")
      .evaluateAll(inputs => inputs.map(input => parseFloat(getComputedStyle(input).fontSize)));
    check(
      "the text of inputs is so large that phones do not zoom in",
      sizes.every(size => size >= 16),
      sizes,
    );
  });
}
