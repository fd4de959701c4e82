// Annotations: marks on the chart, and the same texts as a list below it.

import { openAndLook } from "./support/look.mjs";
import { ordinaryLog } from "./support/sample-log.mjs";
import { annotate, began, between, date, importLog, ORDINARY } from "./support/sites.mjs";
import { check, checkSoon, open, test } from "./support/test.mjs";

const LONG = `A campaign with ${"a-very-long-name-".repeat(8)}`;
const NOTES = [
  [date(9), "New prices"],
  [date(5), LONG],
  [date(5), "<b>Newsletter</b>"],
];

const fill = async settings => {
  await importLog(ORDINARY, ordinaryLog(began, 12, 60), settings);
  for (const [day, text] of NOTES) annotate(ORDINARY, day, text, settings);
};

test("annotations mark their days, and screen readers read them as a list", async ({ newPage, startFresh }) => {
  const from = await startFresh({ fill });
  const page = await newPage({ from });
  const address = `${from}/?site=${ORDINARY}&${between(date(10), date(2))}`;
  await open(page, address);
  const marks = await page.locator(".mark line").evaluateAll(lines =>
    lines.map(line => {
      const { left, height } = line.getBoundingClientRect();
      return { left, height };
    }),
  );
  const plot = await page.locator(".plot line").first().boundingBox();
  // The second and the sixth of nine bars.
  const middles = [1, 5].map(bar => plot.x + (plot.width * (bar + 0.5)) / 9);
  check(
    "a mark stands in the middle of its day",
    marks.length === 2 && marks.every(({ left }, index) => Math.abs(left - middles[index]) < 2),
    { marks, middles },
  );
  check("a mark is as high as the chart", marks.every(({ height }) => height > 100), marks);
  const list = page.locator(".marks");
  check("a short list is open", await list.evaluate(details => details.open));
  const texts = await list.getByRole("listitem").allTextContents();
  check(
    "the list has every text, in order",
    texts.length === 3 && texts.every((text, index) => text.includes(`: ${[...NOTES].sort()[index][1]}`)),
    texts,
  );
  const bar = await page.locator(".mark circle").first().boundingBox();
  await page.mouse.move(bar.x + bar.width / 2, bar.y + bar.height / 2);
  const readout = () => page.locator("figcaption span").textContent();
  await checkSoon("the numbers of the day are shown over a mark, too", async () => /Visitors/.test(await readout()), readout);
  await openAndLook(newPage, address, "annotations", { from });
});
