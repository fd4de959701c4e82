// The page while the database is unavailable, and after its return.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import { openAndLook, SCRIPT_MODES } from "./support/look.mjs";
import { between, DATABASE_URL, date, FIREFOX, ORDINARY } from "./support/sites.mjs";
import { check, isStatus, open, test, until } from "./support/test.mjs";

/** A proxy in front of the database. While the proxy is shut, connections end as if the server had stopped. */
async function databaseGate() {
  const target = new URL(DATABASE_URL);
  const sockets = new Set();
  let isOpen = true;
  const server = createServer(client => {
    if (!isOpen) return client.destroy();
    const database = connect(Number(target.port || 5432), target.hostname);
    for (const [socket, other] of [
      [client, database],
      [database, client],
    ]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.pipe(other);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = new URL(DATABASE_URL);
  url.port = server.address().port;
  return {
    url: url.href,
    shut() {
      isOpen = false;
      for (const socket of sockets) socket.destroy();
    },
    reopen() {
      isOpen = true;
    },
    end() {
      this.shut();
      server.close();
    },
  };
}

const CASES = [
  [
    "numbers from the cache",
    `/?site=${ORDINARY}`,
    () => document.querySelector(".notice").textContent.startsWith("These numbers are out of date."),
  ],
  [
    "no numbers",
    `/?site=${ORDINARY}&${between(date(200), date(200))}`,
    () =>
      document.querySelector(".notice").textContent.startsWith("The database is unavailable") &&
      document.querySelectorAll(".totals, .numbers, figure").length === 0,
  ],
];

for (const [javaScriptEnabled, mode] of SCRIPT_MODES) {
  for (const [name, address, isExpected] of CASES) {
    test(`database unavailable, ${name}${mode}`, async ({ newPage, startHandler }) => {
      const gate = await databaseGate();
      const from = await startHandler({ DATABASE_URL: gate.url });
      // Queried while the database is available, so that the cache holds numbers.
      await fetch(`${from}/?site=${ORDINARY}`, { headers: { "user-agent": FIREFOX } });
      gate.shut();
      await openAndLook(newPage, from + address, `database unavailable, ${name}`, {
        javaScriptEnabled,
        from,
        expected: isStatus(503),
        status: 503,
        more: async (page, response) => {
          const headers = response.headers();
          check(
            "the response is HTML with Retry-After",
            headers["content-type"].startsWith("text/html") && Number(headers["retry-after"]) > 0,
            headers,
          );
          check("the notice names the reason", await page.evaluate(isExpected));
        },
      });
      gate.end();
    });
  }
}

test("database available again", async ({ newPage, startHandler }) => {
  const gate = await databaseGate();
  const from = await startHandler({ DATABASE_URL: gate.url });
  const address = `${from}/?site=${ORDINARY}`;
  await fetch(address, { headers: { "user-agent": FIREFOX } });
  gate.shut();
  await until("the page reports the outage", async () => (await fetch(address)).status === 503);
  gate.reopen();
  await until("the handler is ready again", async () => (await fetch(`${from}/health/ready`)).ok);
  const page = await newPage({ from });
  await open(page, address);
  check("the page has no notice", (await page.locator(".notice").count()) === 0);
  gate.end();
});
