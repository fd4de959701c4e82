// Daily totals of other counters in the chart: drawn in colours of their own, named in the legend, and listed in the
// table.

import { openAndLook, SCHEMES } from "./support/look.mjs";
import { ordinaryLog } from "./support/sample-log.mjs";
import { began, date, importLog, importPlausible, importUmami, ORDINARY } from "./support/sites.mjs";
import { check, open, test } from "./support/test.mjs";

const COUNTERS = ["Plausible", "Umami"];
const days = (first, last) => Array.from({ length: first - last + 1 }, (_, index) => date(first - index));
/** The other counters ran before Footfall, and for some days together with it. */
const PLAUSIBLE = days(28, 12).map((day, index) => [day, 30 + index, 90 + 2 * index]);
const UMAMI = days(24, 16).map((day, index) => [day, 20 + index]);

/** WCAG 1.4.11: graphics. */
const LEAST_CONTRAST = 3;
/** A difference of 2 in CIELAB is just noticeable; these colours must differ at a glance. */
const LEAST_DIFFERENCE = 30;

const channels = colour =>
  colour
    .match(/[\d.]+/g)
    .slice(0, 3)
    .map(value => {
      const share = Number(value) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });

function luminance(colour) {
  const [red, green, blue] = channels(colour);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** CIELAB for the white point D65. */
function lab(colour) {
  const [red, green, blue] = channels(colour);
  const [x, y, z] = [
    (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505,
    0.2126 * red + 0.7152 * green + 0.0722 * blue,
    (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089,
  ].map(value => (value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116));
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

const difference = (one, other) => Math.hypot(...lab(one).map((value, index) => value - lab(other)[index]));

/** The colours that the chart draws: of the counted visitors, and of each imported counter with its legend entry. */
const readColours = page =>
  page.evaluate(() => {
    const stroke = path => ({ colour: getComputedStyle(path).stroke, isDrawn: path.getTotalLength() > 0 });
    return {
      paper: getComputedStyle(document.documentElement).backgroundColor,
      counted: [...document.querySelectorAll(".plot path[class=bars]")].map(stroke),
      imported: [...document.querySelectorAll("figcaption .k4")].map(key => {
        const [series] = [...key.classList].filter(name => name !== "k4");
        return {
          legend: key.parentElement.textContent,
          key: getComputedStyle(key).backgroundColor,
          paths: [...document.querySelectorAll(`.plot .${series}`)].map(stroke),
        };
      }),
    };
  });

const fill = async settings => {
  await importLog(ORDINARY, ordinaryLog(began, 20, 60), settings);
  await importPlausible(ORDINARY, PLAUSIBLE, settings);
  await importUmami(ORDINARY, UMAMI, settings);
};

test("imported daily totals are drawn in colours of their own", async ({ newPage, startFresh }) => {
  const from = await startFresh({ fill });
  const page = await newPage({ from });
  await open(page, `${from}/?site=${ORDINARY}`);
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    const {
      paper,
      counted: [counted],
      imported,
    } = await readColours(page);
    check(`${colorScheme}: the counted visitors are drawn`, counted.isDrawn, counted);
    const legend = imported.map(({ legend }) => legend);
    check(
      `${colorScheme}: the legend names each counter`,
      legend.join() === COUNTERS.map(name => `Imported from ${name}`).join(),
      legend,
    );
    for (const { legend, key, paths } of imported) {
      check(
        `${colorScheme}, ${legend}: the days are drawn`,
        paths.length === 1 && paths.every(({ isDrawn }) => isDrawn),
        paths,
      );
      check(
        `${colorScheme}, ${legend}: the chart has the colour of the legend`,
        paths.every(({ colour }) => colour === key),
        [key, paths],
      );
      check(
        `${colorScheme}, ${legend}: the contrast is at least ${LEAST_CONTRAST}:1`,
        contrast(key, paper) >= LEAST_CONTRAST,
        contrast(key, paper),
      );
    }
    const colours = [counted.colour, ...imported.map(({ key }) => key)];
    const smallest = Math.min(
      ...colours.flatMap((one, index) => colours.slice(index + 1).map(other => difference(one, other))),
    );
    check(`${colorScheme}: counted and imported numbers have different colours`, smallest >= LEAST_DIFFERENCE, {
      colours,
      smallest,
    });
  }
});

test("layout with imported daily totals", async ({ newPage, startFresh }) => {
  const from = await startFresh({ fill });
  await openAndLook(newPage, `${from}/?site=${ORDINARY}`, "imported", {
    from,
    more: async page => {
      const sums = PLAUSIBLE.reduce(([visitors, views], day) => [visitors + day[1], views + day[2]], [0, 0]);
      const note = await page.locator(".note", { hasText: "Imported from Plausible" }).textContent();
      const expected = `${sums[1].toLocaleString("en")} pageviews and ${sums[0].toLocaleString("en")} daily visitors`;
      check("a note shows the sums of the imported days", note.includes(expected), [note, expected]);
      const columns = await page.locator("figure thead th").allTextContents();
      const wanted = COUNTERS.flatMap(name => [`${name} daily visitors`, `${name} pageviews`]);
      check(
        "the table has columns for each counter",
        wanted.every(name => columns.includes(name)),
        columns,
      );
    },
  });
});
