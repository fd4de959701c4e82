#!/usr/bin/env node
// Checks the English of documents, comments, messages, test names and templates:
//   .ci/check-prose.mjs                     every file of the repository
//   .ci/check-prose.mjs PATH…               only these files and folders
//   .ci/check-prose.mjs --count [PATH…]     prints the number of findings of each file only
// It first checks itself: each paragraph of .ci/prose/samples/bad.* must have a finding, and good.* must have none.
// The rules are in .ci/prose/textlintrc.json and words.yml; the few exceptions are in textlintrc.json too. Needs Node.js (20 or newer); npm installs textlint.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(here);
if (!existsSync(path.join(here, "node_modules/textlint"))) {
  execFileSync("npm", ["ci", "--prefix", here, "--no-fund", "--no-audit", "--silent"], { stdio: ["ignore", 2, 2] });
}
const require = createRequire(import.meta.url);
const { createLinter, loadTextlintrc } = require("textlint");

// Data, and texts that are bad on purpose.
const SKIPPED = /(?:^|\/)(?:LICENSE|[^/]+\.(?:tsv|txt|lock|json|svg|png|example)|\.[^/]*ignore)$|^\.ci\/prose\/|^\.sqlx\/|\.min\.js$/;

// Programs have no extension: their first line names the language. Comments of other files without a plugin look like YAML's.
function virtualName(file, text) {
  const name = path.basename(file);
  if (name.startsWith("Dockerfile") || /\.(?:conf|env|service)$/.test(name)) return `${file}.yml`;
  if (path.extname(name)) return file;
  const first = text.slice(0, text.indexOf("\n"));
  return file + (first.includes("python") ? ".py" : first.includes("node") ? ".mjs" : first.startsWith("#!") ? ".sh" : ".yml");
}

function filesBelow(paths) {
  const command = ["-C", root, "ls-files", "--cached", "--others", "--exclude-standard", "--", ...paths];
  const listed = execFileSync("git", command, { encoding: "utf8" });
  return listed.split("\n").filter((file) => file && !SKIPPED.test(file) && existsSync(path.join(root, file)));
}

const options = process.argv.slice(2);
const countsOnly = options.includes("--count");
const paths = options.filter((option) => option !== "--count").map((given) => path.resolve(given));
const linter = createLinter({
  descriptor: await loadTextlintrc({ configFilePath: path.join(here, "prose/textlintrc.json"), node_modulesDir: path.join(here, "node_modules") }),
});

async function lint(file) {
  const text = readFileSync(path.join(root, file), "utf8");
  const { messages } = await linter.lintText(text, path.join(root, virtualName(file, text)));
  return { text, messages };
}

for (const sample of readdirSync(path.join(here, "prose/samples"))) {
  const { text, messages } = await lint(`.ci/prose/samples/${sample}`);
  let from = 0;
  for (const paragraph of text.split("\n\n")) {
    const isFound = messages.some(({ index }) => from <= index && index < from + paragraph.length);
    if (isFound !== sample.startsWith("bad")) {
      console.error(`check-prose: the rules ${isFound ? "refuse" : "miss"} this part of ${sample}:\n${paragraph}`);
      process.exit(2);
    }
    from += paragraph.length + 2;
  }
}

let findings = 0;
let files = 0;
for (const file of filesBelow(paths)) {
  const { text, messages } = await lint(file);
  files += 1;
  findings += messages.length;
  if (countsOnly && messages.length) console.log(`${messages.length}\t${file}`);
  for (const { line, column, message } of countsOnly ? [] : messages) {
    const at = text.split("\n")[line - 1].trim();
    console.log(`${file}:${line}:${column}: ${message.split("\n")[0]}\n    ${at.slice(0, 110)}`);
  }
}
console.log(`check-prose: ${files} files, ${findings} findings`);
if (findings) process.exitCode = 1;
