// Chromium with its default behaviour, controlled only to open tabs. Playwright keeps every tab in front and awake, so
// no tab is hidden or prerendered. Playwright also loses a page that returns from the back/forward cache.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The DevTools protocol over a pipe: one message of JSON, one zero byte. */
export async function startChromium(executable, args) {
  const profile = mkdtempSync(join(tmpdir(), "footfall-chromium."));
  const child = spawn(executable, [...args, `--user-data-dir=${profile}`, "--remote-debugging-pipe", "about:blank"], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
  });
  const kill = () => child.kill("SIGKILL");
  process.on("exit", kill);
  const [, , , writer, reader] = child.stdio;
  const waiting = new Map();
  let rest = "";
  let count = 0;
  reader.setEncoding("utf8").on("data", text => {
    const messages = (rest + text).split("\0");
    rest = messages.pop();
    for (const { id, result, error } of messages.map(message => JSON.parse(message))) {
      const { resolve, reject, method } = waiting.get(id) ?? {};
      waiting.delete(id);
      if (error) reject?.(new Error(`${method}: ${error.message}`));
      else resolve?.(result);
    }
  });
  child.on("exit", () => {
    for (const { reject, method } of waiting.values()) reject(new Error(`${method}: Chromium has ended`));
  });
  const call = (method, params = {}, sessionId = undefined) =>
    new Promise((resolve, reject) => {
      count += 1;
      waiting.set(count, { resolve, reject, method });
      writer.write(`${JSON.stringify({ id: count, method, params, sessionId })}\0`);
    });

  /** A new tab, in front or behind the others. */
  const open = async (url, background = false) => {
    const { targetId } = await call("Target.createTarget", { url, background });
    return {
      front: () => call("Target.activateTarget", { targetId }),
      /** Runs an expression in the page that the tab shows now, then detaches from the page. */
      run: async expression => {
        const { sessionId } = await call("Target.attachToTarget", { targetId, flatten: true });
        try {
          const { result, exceptionDetails } = await call(
            "Runtime.evaluate",
            { expression, userGesture: true, awaitPromise: true, returnByValue: true },
            sessionId,
          );
          if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
          return result.value;
        } finally {
          await call("Target.detachFromTarget", { sessionId }).catch(() => {});
        }
      },
      close: () => call("Target.closeTarget", { targetId }),
    };
  };
  const close = async () => {
    const gone = once(child, "exit");
    call("Browser.close").catch(() => {});
    const timer = setTimeout(kill, 3000);
    if (child.exitCode === null && child.signalCode === null) await gone;
    clearTimeout(timer);
    process.off("exit", kill);
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  return { open, close };
}
