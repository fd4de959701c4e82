// Starts the handler that is checked.

import { spawn } from "node:child_process";
import { freePort, until } from "./findings.mjs";

const running = [];
export const stopHandlers = () => { for (const child of running) child.kill(); };
// However this ends, nothing stays behind.
process.on("exit", stopHandlers);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));

/** Where it answers, once it is ready. `environment` is all that it finds, with a port that is free. */
export async function startHandler(binary, environment) {
  const port = await freePort();
  const child = spawn(binary, [], { env: { ...environment, FUNCTIONS_CUSTOMHANDLER_PORT: String(port) }, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", text => { log += text; });
  running.push(child);
  const origin = `http://127.0.0.1:${port}`;
  await until(`${binary} is ready`, 30, async () => {
    if (child.exitCode !== null) return true;
    return (await fetch(`${origin}/health/ready`)).ok;
  });
  if (child.exitCode !== null) throw new Error(`${binary} ended at its start:\n${log}`);
  return origin;
}
