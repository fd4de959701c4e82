// Compares the statistics of a real handler with the requests that passed the counter.

import { check } from "../../check.mjs";
import { until } from "../../wait.mjs";
import { SITE } from "./places.mjs";

/** The pageviews of today by list and value. */
async function statistics(origin) {
  const answer = await (await fetch(`${origin}/api/statistics?site=${SITE}&period=today`)).json();
  const list = name => new Map(answer[name].map(({ value, pageviews }) => [value, pageviews]));
  const all = new Map([
    ["pageviews", answer.pageviews.today],
    ["own", answer.excluded.own],
  ]);
  return {
    all,
    pages: list("pages"),
    events: list("events"),
    languages: list("languages"),
    countries: list("countries"),
  };
}

/** Adds up the requests of several tests, by list of the statistics and by value. */
export class ExpectedStatistics {
  #origin;
  #before;
  #sums;

  static async startingNow(origin) {
    const expected = new ExpectedStatistics();
    expected.#origin = origin;
    await expected.#restart();
    return expected;
  }

  async #restart() {
    this.#sums = { all: new Map(), pages: new Map(), events: new Map() };
    if (this.#origin) this.#before = await statistics(this.#origin);
  }

  add(list, value) {
    this.#sums[list].set(value, (this.#sums[list].get(value) ?? 0) + 1);
  }

  /** Checks the increase of each sum, and starts again with new sums. */
  async check() {
    let after = this.#before;
    const increase = (list, value) => (after[list].get(value) ?? 0) - (this.#before[list].get(value) ?? 0);
    const expected = Object.entries(this.#sums).flatMap(([list, sums]) =>
      [...sums].map(([value, count]) => [list, value, count]),
    );
    // The cached response can be a second old.
    await until("the statistics contain every request", async () => {
      after = await statistics(this.#origin);
      return expected.every(([list, value, count]) => increase(list, value) === count);
    }).catch(() => {});
    for (const [list, value, count] of expected) {
      const found = increase(list, value);
      check(`${list}, ${value}: ${count} more`, found === count, found);
    }
    // A list that is cut lacks pages, so the tests of all files share most paths.
    const listed = [...after.pages.values()].reduce((sum, pageviews) => sum + pageviews, 0);
    check("the statistics list every page", listed === after.all.get("pageviews"), { listed, of: after.pages.size });
    const english = [...after.languages.keys()]
      .filter(value => /^en\b/.test(value))
      .reduce((sum, value) => sum + increase("languages", value), 0);
    check("the language of the script's requests is known from Accept-Language", english > 1, [...after.languages]);
    const { countries } = after;
    await this.#restart();
    return { countries };
  }
}
