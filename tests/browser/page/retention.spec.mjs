// Settings that keep less about visitors.

import { openAndLook } from "./support/look.mjs";
import { asJson, checkNumbers, statistics, today } from "./support/numbers.mjs";
import { ordinaryLog } from "./support/sample-log.mjs";
import { began, importLog, ORDINARY } from "./support/sites.mjs";
import { check, test } from "./support/test.mjs";

const fill = settings => importLog(ORDINARY, ordinaryLog(began, 70, 60), settings);

for (const period of ["30d", "yesterday"]) {
  test(`visitors forgotten daily, ${period}`, async ({ newPage, startFresh }) => {
    const from = await startFresh({ settings: { FOOTFALL_FORGET: "daily" }, fill });
    await openAndLook(newPage, `${from}/?site=${ORDINARY}&period=${period}`, `visitors forgotten daily, ${period}`, {
      from,
      more: async page => {
        const { range, visitors } = await asJson(page);
        check("only a day is exact", range.exact === (period === "yesterday"), range);
        await checkNumbers(page, period, range);
        check("no visitor is called new", !(await page.locator("#range").textContent()).includes("New"));
        check(
          "today is unique",
          (await page.locator("[data-total=today][data-sum]").count()) === 0 && (await today(page)) === visitors.today,
        );
        for (const [key, word] of [
          ["this_week", "week"],
          ["this_month", "month"],
        ]) {
          const headline = page.locator(`[data-total=${key}]`);
          const { range: whole } = await statistics(from, `?site=${ORDINARY}&period=${word}`);
          // A week or a month of one day needs no sum.
          const sum = visitors[key] === null;
          check(
            `${key} is marked if it is a sum`,
            ((await headline.locator("small", { hasText: "sum of days" }).count()) === 1) === sum &&
              sum === (whole.visitors === null),
          );
          check(
            `${key} equals the sum`,
            (await headline.locator("b").first().textContent()) === whole.daily_visitors.toLocaleString("en"),
          );
        }
        if (Object.values(visitors).includes(null)) {
          check(
            "a note explains sums",
            (await page.locator(".totals + .note").textContent()).includes(
              "Longer periods are sums of days: a visitor on two days counts twice.",
            ),
          );
        }
      },
    });
  });
}

test("no visitors of all time", async ({ newPage, startFresh }) => {
  const from = await startFresh({ settings: { FOOTFALL_ALL_TIME: "off" }, fill });
  await openAndLook(newPage, `${from}/?site=${ORDINARY}`, "no visitors of all time", {
    from,
    more: async page => {
      const text = await page.locator("body").innerText();
      check(
        "the page has no estimate",
        !/≈|estimate/i.test(text) && (await page.locator("[data-total]").count()) === 3,
      );
      check("the JSON response has no visitors of all time", (await asJson(page)).visitors.all_time === null);
    },
  });
});
