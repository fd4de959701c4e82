// Reads the numbers of the page and compares them with the JSON response.

import { check } from "./test.mjs";

/** The numbers of the range by their names in the JSON response. */
export const rangeNumbers = page =>
  page
    .locator("[data-range]")
    .evaluateAll(places =>
      Object.fromEntries(places.map(place => [place.dataset.range, Number(place.textContent.replaceAll(",", ""))])),
    );

const number = value => value.toLocaleString("en");

/** The JSON response for the same range, from the address that the page links. */
export const asJson = async page => (await fetch(await page.locator("#json").evaluate(link => link.href))).json();

export const statistics = async (origin, query = "") => (await fetch(`${origin}/api/statistics${query}`)).json();

export const days = async page => [
  await page.locator("[name=from]").inputValue(),
  await page.locator("[name=to]").inputValue(),
];

const total = async (page, index) =>
  Number((await page.locator("[data-total=today] b").nth(index).textContent()).replaceAll(",", ""));
export const today = page => total(page, 0);
export const viewsToday = page => total(page, 1);

/** The numbers equal those of the JSON response, have correct names, and show the change since the previous period. */
export async function checkNumbers(page, name, range) {
  const numbers = await rangeNumbers(page);
  const line = await page.locator(".numbers").textContent();
  const note = await page.locator(".about").textContent();
  const columns = await page.locator(".lists thead th").allTextContents();
  check(
    `${name}: pageviews equal those of the JSON response`,
    numbers.pageviews === range.pageviews && range.pageviews > 0,
    numbers,
  );
  if (range.exact) {
    check(
      `${name}: unique visitors equal those of the JSON response and are exact`,
      numbers.visitors === range.visitors &&
        range.visitors > 0 &&
        line.includes("Unique visitors") &&
        !line.includes("≈"),
      line,
    );
    check(
      `${name}: new and returning visitors equal those of the JSON response`,
      numbers.new_visitors === (range.new_visitors ?? undefined) &&
        numbers.returning_visitors === (range.returning_visitors ?? undefined),
      numbers,
    );
    check(
      `${name}: new and returning visitors add up to all visitors`,
      range.new_visitors === null || range.new_visitors + range.returning_visitors === range.visitors,
      range,
    );
    check(
      `${name}: views per visitor are the ratio`,
      Math.abs(numbers.views_per_visitor - range.pageviews / range.visitors) <= 0.051,
      numbers,
    );
    check(`${name}: lists have a column of visitors`, columns.includes("Visitors"), columns);
  } else {
    check(
      `${name}: no number is called unique`,
      numbers.visitors === undefined &&
        numbers.new_visitors === undefined &&
        !/unique/i.test(line) &&
        range.visitors === null,
      line,
    );
    check(
      `${name}: a note gives the reason`,
      note.includes("Unique visitors are not available for a period this long."),
      note,
    );
    check(
      `${name}: the sum of daily visitors has that name`,
      line.includes("Sum of daily visitors") && numbers.daily_visitors === range.daily_visitors,
      numbers,
    );
    check(`${name}: lists have no column of visitors`, columns.length > 0 && !columns.includes("Visitors"), columns);
  }
  const before = await page.locator("[data-range=pageviews]").locator("xpath=../following-sibling::dd").textContent();
  const percent =
    range.previous?.pageviews > 0 ? Math.round((range.pageviews / range.previous.pageviews - 1) * 100) : null;
  const sign = percent > 0 ? "+" : percent < 0 ? "−" : "±";
  const expected =
    percent === null
      ? ""
      : `${sign}${number(Math.abs(percent))} % from ${number(range.previous.pageviews)}`;
  check(`${name}: pageviews show the change since the previous period`, before === expected, [before, expected]);
  check(`${name}: a note names the previous period`, note.startsWith("Compared with ") === (percent !== null), note);
}
