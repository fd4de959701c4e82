// Runs once before all tests: imports the logs and starts the handler that the read-only tests share.

import { mkdirSync } from "node:fs";
import { hostileLog, ordinaryLog } from "./sample-log.mjs";
import { began, FORMER, HOSTILE, HOSTILE_DAY, importLog, ORDINARY, startHandler } from "./sites.mjs";

export default async function setUp() {
  if (process.env.GALLERY) mkdirSync(process.env.GALLERY, { recursive: true });
  const { origin, stop } = await startHandler();
  process.env.ORIGIN = origin;
  await importLog(ORDINARY, ordinaryLog(began, 365, 150));
  for (const site of [HOSTILE, FORMER]) await importLog(site, hostileLog(HOSTILE_DAY));
  return stop;
}
