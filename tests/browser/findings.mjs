// Findings and waiting, for all checks of this folder.

import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { createServer } from "node:net";
import { stripVTControlCharacters } from "node:util";

const groups = new Map();
/** The group of the running checks. Several groups may run at a time. */
const current = new AsyncLocalStorage();

/** Runs a group of checks. Logs one line with the result, then one line per failure. */
export async function about(name, checks) {
  const group = { passed: 0, failures: [] };
  groups.set(name, group);
  const from = Date.now();
  try {
    // Some calls to a page have no time limit of their own.
    let timer;
    const limit = new Promise((_, reject) => { timer = setTimeout(reject, 300_000, new Error("not done within five minutes")); });
    await Promise.race([current.run(group, checks), limit]).finally(() => clearTimeout(timer));
  } catch (error) {
    group.failures.push(`broke off: ${stripVTControlCharacters(error.stack)}`);
  }
  const { passed, failures } = group;
  console.log(`${failures.length ? "FAIL" : "ok  "} ${name}: ${passed} passed${failures.length ? `, ${failures.length} failed` : ""} (${((Date.now() - from) / 1000).toFixed(1)} s)`);
  for (const failure of failures) console.log(`       ${failure.replaceAll("\n", "\n       ")}`);
}

export function check(what, holds, found) {
  const group = current.getStore();
  if (holds) group.passed += 1;
  else group.failures.push(found === undefined ? what : `${what}: ${typeof found === "string" ? found : JSON.stringify(found)}`);
}

/** Checks what comes about at its own time, as what a browser does after a key or a click: within ten seconds. */
export async function checkSoon(what, condition, found = async () => undefined) {
  const holds = await until(what, 10, condition).then(() => true, () => false);
  check(what, holds, holds ? undefined : await found());
}

/** Does what only looks and changes nothing, several at a time. */
export async function atOnce(count, tasks) {
  const rest = [...tasks];
  await Promise.all(Array.from({ length: count }, async () => {
    for (let task = rest.shift(); task; task = rest.shift()) await task();
  }));
}

/** What is not checked here, because this browser has no such thing: said, so that nobody takes it for checked. */
export function leaveOut(name, reason) {
  console.log(`--   ${name}: left out, ${reason}`);
}

/** The last line; whether everything has passed. */
export function summarize() {
  const results = [...groups.values()];
  const failed = results.reduce((sum, { failures }) => sum + failures.length, 0);
  console.log(`${results.reduce((sum, { passed }) => sum + passed, 0)} passed, ${failed} failed`);
  return failed === 0;
}

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** A day has to have so many minutes left: what is counted on two days is looked for on one. */
export async function notAcrossMidnight(minutes) {
  const day = 24 * 60 * 60 * 1000;
  const left = day - Date.now() % day;
  if (left > minutes * 60 * 1000) return;
  console.log(`waiting for the next day, which begins in ${Math.ceil(left / 60_000)} minutes`);
  await new Promise(resolve => setTimeout(resolve, left + 1000));
}

export async function until(what, seconds, condition) {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    if (await condition().catch(() => false)) return;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  throw new Error(`${what}: not within ${seconds} seconds`);
}
