// Private numbers: the form for the token, and the cookie.

import { checkAxe, loadAxe } from "./support/look.mjs";
import { ORDINARY, TOKEN } from "./support/sites.mjs";
import { check, isStatus, keepPicture, test } from "./support/test.mjs";

test("sign-in", async ({ newPage, startHandler }) => {
  const from = await startHandler({ FOOTFALL_DASHBOARD_TOKEN: TOKEN });
  // Browsers request this icon for a response that is not HTML.
  const page = await newPage({ from, expected: (text, url) => isStatus(401)(text) || url === `${from}/favicon.ico` });
  for (const path of ["/", `/?site=${ORDINARY}`, "/api/statistics"]) {
    const response = await page.request.get(from + path);
    const body = await response.text();
    check(`${path} is rejected`, response.status() === 401, response.status());
    check(
      `${path} requests a token`,
      /^Bearer realm=/.test(response.headers()["www-authenticate"] ?? ""),
      response.headers(),
    );
    check(
      `${path} shows no numbers and no sites`,
      !/visitors"|class="totals|example\.com/.test(body) && body.length < 400,
      body,
    );
  }
  const numbers = page.locator(".totals");
  await page.goto(`${from}/?site=${ORDINARY}`);
  await keepPicture(page, "private");
  await loadAxe(page);
  await checkAxe(page, "axe finds nothing in the form");
  check(
    "browsers get a form instead of numbers",
    (await numbers.count()) === 0 && (await page.getByLabel("Token").isVisible()),
  );
  await page.getByLabel("Token").fill("not the token, but as long");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  check("a wrong token shows an error and no numbers", (await numbers.count()) === 0);
  await page.goto(`${from}/?site=${ORDINARY}`);
  await page.getByLabel("Token").fill(TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();
  await numbers.waitFor();
  check("the token opens the requested site", (await page.locator("h1").innerText()) === ORDINARY);
  const [cookie, ...others] = await page.context().cookies();
  check(
    "the only cookie is HttpOnly, Secure and SameSite=Strict",
    others.length === 0 && cookie.httpOnly && cookie.secure && cookie.sameSite === "Strict",
    cookie,
  );
  const status = await page.evaluate(async () => (await fetch("/api/statistics")).status);
  check("the script of the page can read the numbers", status === 200, status);
  await page.locator(".tabs a:not([aria-current])").first().click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Token").waitFor();
  check("signing out works after a choice of a tab", (await page.context().cookies()).length === 0);
});
