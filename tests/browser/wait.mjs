// Waiting for events, with limits that only a broken program reaches.

import { once } from "node:events";
import { createServer } from "node:net";

export async function until(what, condition, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    if (await condition().catch(() => false)) return;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  throw new Error(`${what}: not within ${seconds} seconds`);
}

/** Waits for the next day if fewer minutes than these are left: the checks compare the counts of one day. */
export async function notAcrossMidnight(minutes) {
  const day = 24 * 60 * 60 * 1000;
  const left = day - (Date.now() % day);
  if (left > minutes * 60 * 1000) return;
  console.log(`waiting for the next day, which begins in ${Math.ceil(left / 60_000)} minutes`);
  await new Promise(resolve => setTimeout(resolve, left + 1000));
}

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
