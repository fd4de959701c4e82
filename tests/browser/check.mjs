// Checks that let the test continue, so that one run reports every finding.

import { expect } from "@playwright/test";
import { until } from "./wait.mjs";

/** Reports `what`, and the value that was `found` instead, if `holds` is false. */
export function check(what, holds, found) {
  const message = found === undefined ? what : `${what}: ${typeof found === "string" ? found : JSON.stringify(found)}`;
  expect.soft(Boolean(holds), holds ? what : message).toBe(true);
}

/** Checks a condition that the browser or the handler meets some time after a key, a click or a request. */
export async function checkSoon(what, condition, found = async () => undefined) {
  const holds = await until(what, condition).then(
    () => true,
    () => false,
  );
  check(what, holds, holds ? undefined : await found());
}
