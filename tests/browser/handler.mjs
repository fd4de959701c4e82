// Starts handlers, and stops them when this process ends.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { freePort, until } from "./wait.mjs";

const running = new Set();
export const stopHandlers = () => {
  for (const child of running) child.kill();
};
process.on("exit", stopHandlers);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));

/** Starts a handler with exactly this environment on a free port, and waits until it is ready. */
export async function startHandler(binary, environment) {
  const port = await freePort();
  const child = spawn(binary, [], {
    env: { ...environment, FUNCTIONS_CUSTOMHANDLER_PORT: String(port) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", text => {
      log += text;
    });
  running.add(child);
  const exited = once(child, "exit").then(() => running.delete(child));
  const origin = `http://127.0.0.1:${port}`;
  await until(`${binary} is ready`, async () => {
    if (child.exitCode !== null) return true;
    return (await fetch(`${origin}/health/ready`)).ok;
  });
  if (child.exitCode !== null) throw new Error(`${binary} ended at its start:\n${log}`);
  const stop = async () => {
    child.kill();
    await exited;
  };
  return { origin, stop };
}
