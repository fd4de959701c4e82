// Lets textlint read the prose inside code: comments, messages (string literals of five words or more), test names and
// templates. Everything else becomes spaces, so that lines and columns stay the same. It has no opinion about prose: the rules
// are in .ci/prose/textlintrc.json.
"use strict";

// For each language: comments, then messages. The alternatives are tried in order at each position, so that a quote in a
// comment starts no string. Group 1 is the prose.
const hash = String.raw`(?<=^|\s)#(?!\!)+((?:[ \t].*)?$)`;
const double = String.raw`"((?:[^"\\]|\\[\s\S])*)"`;
const single = String.raw`'((?:[^'\\\n]|\\.)*)'`;
const slashes = String.raw`\/\/[\/!]?(.*$)`;
const block = String.raw`\/\*+([\s\S]*?)\*\/`;
const dashes = String.raw`--(?=\s)(.*$)`;
const LANGUAGES = {
  ".rs": [slashes, block, String.raw`r(?<hash>#+)"[\s\S]*?"\k<hash>`, String.raw`r"[^"]*"`, double, String.raw`'(?:\\.[^']*|[^'\\])'`, String.raw`\bfn (\w+)`],
  ".js": [slashes, block, double, single, "`((?:[^`\\\\]|\\\\[\\s\\S])*)`"],
  ".css": [block],
  ".sql": [dashes, block],
  ".py": [hash, String.raw`"""([\s\S]*?)"""`, double, single],
  ".sh": [String.raw`(?<=^|\s)#(?!\!)([ \t].*$)`, String.raw`\becho "((?:[^"\\]|\\.)*)"`],
  ".tf": [hash, slashes, String.raw`<<-?(?<label>\w+)\n[\s\S]*?\n\s*\k<label>$`, double],
  ".kql": [slashes],
  ".yml": [hash],
};
const ALIASES = {
  ".mjs": ".js", ".lua": ".sql", ".hcl": ".tf", ".tfvars": ".tf", ".toml": ".yml", ".yaml": ".yml", ".conf": ".yml",
};

const spaces = (text) => text.replace(/[^\n]/g, " ");
// Same length, and no sentence ends in it.
const placeholder = (text) => "x".repeat(text.length);

// The prose of a source, and the places where a paragraph ends.
function ofCode(text, patterns) {
  const ends = new Set();
  let masked = "";
  let last = 0;
  for (const match of text.matchAll(new RegExp(patterns.join("|"), "gm"))) {
    const prose = match.slice(1).find((group) => group !== undefined && group.length > 1) ?? "";
    const isComment = /^(?:\/\/|\/\*|#|--|""")/.test(match[0]);
    const isName = match[0].startsWith("fn ");
    const words = prose.split(/\s+/).filter((word) => /^\W*[A-Za-z][a-z']*\W*$/.test(word));
    const at = match.index + match[0].indexOf(prose, isName ? 3 : 0);
    // SQL and User-Agents are no prose.
    const isMessage = words.length >= 5 && !/^\s*(?:select|insert|update|delete|with|create|drop|alter|grant|set|lock)\b|Mozilla\//.test(prose);
    const kept = isComment ? prose : isName ? (prose.split("_").length > 3 ? prose.replaceAll("_", " ") : "") : isMessage ? prose : "";
    // A comment alone on its line continues the one before it, any other prose stands for itself.
    const isAlone = isComment && !/\S/.test(text.slice(text.lastIndexOf("\n", match.index) + 1, match.index));
    if (!isAlone) ends.add(masked.length);
    if (match[0].startsWith('"""')) ends.add(match.index);
    masked += spaces(text.slice(last, at)) + (kept ? unwrapped(kept) : spaces(prose));
    if (!isAlone) ends.add(masked.length);
    last = at + prose.length;
  }
  return { masked: masked + spaces(text.slice(last)), ends };
}

// Comments are written in Markdown, and messages have placeholders and escapes.
function unwrapped(prose) {
  return prose
    .replace(/\\\n/g, " \n")
    .replace(/\\[nt"]/g, "  ")
    .replace(/`[^`\n]+`/g, placeholder)
    .replace(/\$\{[^{}]*\}|\{\{?[^{}\n]*\}?\}/g, placeholder)
    .replace(/\]\([^)\n]*\)|https?:\/\/\S+/g, (link) => placeholder(link));
}

// Text between the tags of a Handlebars template; every tag of a block ends a paragraph.
function ofTemplate(text) {
  const ends = new Set();
  const inline = /^<\/?(?:a|abbr|b|bdi|code|em|i|kbd|small|span|strong|time|var)\b/;
  const masked = text.replace(
    /\{\{!--[\s\S]*?--\}\}|<!--[\s\S]*?-->|<(style|script|svg|pre)\b[\s\S]*?<\/\1>|<(?:[^<>"]|"[^"]*")*>|\{\{[^}]*\}?\}\}/g,
    (tag, _, at) => {
      if (/^\{\{[^#/!e]|^\{\{else\b/.test(tag) && !tag.startsWith("{{else")) return placeholder(tag);
      if (/^\{\{!--|^<!--/.test(tag)) {
        ends.add(at).add(at + tag.length);
        return "     " + tag.slice(5, -4) + "    ";
      }
      if (!inline.test(tag)) ends.add(at).add(at + tag.length);
      return spaces(tag);
    },
  );
  return { masked, ends };
}

// Paragraphs end at empty lines, before items of lists and tables, around indented lines such as examples, and at `ends`.
function paragraphs(masked, ends) {
  const breaks = new Set(ends).add(masked.length);
  let at = 0;
  let before = { indent: 0, isExample: false, isItem: false, isEmpty: true };
  for (const line of masked.split("\n")) {
    const lead = line.length - line.trimStart().length;
    // The quotes before a docstring are no indent.
    const indent = ends.has(at + lead - 3) ? lead - 3 : lead;
    const isItem = /^\s*(?:[-*|] |\d+\. |`{3}|# )/.test(line);
    const isDeeper = !before.isEmpty && !before.isItem && indent > before.indent + 1;
    const isExample = isDeeper || (before.isExample && indent >= before.indent);
    if (!line.trim() || isItem || isExample || (before.isExample && indent < before.indent)) breaks.add(at);
    before = { indent, isExample, isItem: isItem || (before.isItem && indent > before.indent), isEmpty: !line.trim() };
    at += line.length + 1;
  }
  const found = [];
  let start = 0;
  for (const end of [...breaks].sort((a, b) => a - b)) {
    const value = masked.slice(start, end);
    if (value.trim()) found.push([start + value.length - value.trimStart().length, start + value.trimEnd().length]);
    start = end;
  }
  return found;
}

function parse(text, extension) {
  const language = LANGUAGES[ALIASES[extension] ?? extension];
  const { masked, ends } = language ? ofCode(text, language) : ofTemplate(text);
  const starts = [0];
  for (let at = masked.indexOf("\n"); at >= 0; at = masked.indexOf("\n", at + 1)) starts.push(at + 1);
  let line = 0;
  const position = (at) => {
    while (line + 1 < starts.length && starts[line + 1] <= at) line += 1;
    while (starts[line] > at) line -= 1;
    return { line: line + 1, column: at - starts[line] };
  };
  const node = (type, [start, end], content) => ({
    type, raw: masked.slice(start, end), range: [start, end], loc: { start: position(start), end: position(end) }, ...content,
  });
  const children = paragraphs(masked, ends).map((range) =>
    node("Paragraph", range, { children: [node("Str", range, { value: masked.slice(...range) })] }),
  );
  return { text: masked, ast: node("Document", [0, masked.length], { children }) };
}

module.exports = {
  Processor: class {
    availableExtensions() {
      return [...Object.keys(LANGUAGES), ...Object.keys(ALIASES), ".html"];
    }

    processor(extension) {
      return {
        preProcess: (text) => parse(text, extension),
        postProcess: (messages, filePath) => ({ messages, filePath: filePath ?? "<text>" }),
      };
    }
  },
};
