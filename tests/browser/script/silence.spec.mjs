// Pages that belong to no site send nothing: saved copies, other schemes, and frames without an origin.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { SITE } from "./support/places.mjs";
import { check, checkStatistics, test, visit } from "./support/test.mjs";

const line = counter => `<script defer data-site="${SITE}" src="${counter.origin}/footfall.js"></script>`;
const quoted = text => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");

/** Everything that could send something, in a page in which the script has run. */
const USE = `history.replaceState({}, "", "#/next"); footfall("signup"); typeof footfall.off`;

test(
  "a saved copy of a page sends nothing",
  visit(
    {},
    async (page, { counter }) => {
      const folder = mkdtempSync(join(tmpdir(), "footfall-saved."));
      try {
        const file = join(folder, "page.html");
        writeFileSync(file, `<!doctype html><title>Saved</title>${line(counter).replace("defer", "defer data-hash")}`);
        await page.goto(`${pathToFileURL(file)}#/start`);
        check("the script has run", (await page.evaluate(USE)) === "function");
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    [{ p: "/" }],
  ),
);

for (const [name, frame] of [
  ["a srcdoc frame", html => `<iframe srcdoc="${quoted(html)}"></iframe>`],
  ["a sandboxed srcdoc frame", html => `<iframe sandbox="allow-scripts" srcdoc="${quoted(html)}"></iframe>`],
  ["a data: frame", html => `<iframe src="data:text/html,${encodeURIComponent(html)}"></iframe>`],
  [
    "a blob: frame",
    html => `<iframe></iframe><script>
      document.querySelector("iframe").src =
        URL.createObjectURL(new Blob([decodeURIComponent("${encodeURIComponent(html)}")], { type: "text/html" }));
    </script>`,
  ],
  ["a sandboxed frame of the site", () => '<iframe sandbox="allow-scripts" src="/framed"></iframe>'],
]) {
  test(
    `${name} sends nothing`,
    visit(
      ({ counter }) => {
        const call = "<script>addEventListener('load', () => { footfall('signup'); parent.postMessage(1, '*'); })</script>";
        const html = `<!doctype html><title>Frame</title>${line(counter)}${call}`;
        const listener = "<script>let ran = new Promise(resolve => { onmessage = resolve; });</script>";
        return { page: { head: listener, body: frame(html) }, pages: { "/framed": { head: call } } };
      },
      page => page.evaluate("ran.then(() => {})"),
      [{ p: "/" }],
    ),
  );
}

test("the handler has counted each request", checkStatistics());
