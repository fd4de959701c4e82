// Limits the words of a sentence. The published textlint-rule-en-max-word-count takes each line for a sentence.
"use strict";

const { split } = require("sentence-splitter");
const { StringSource } = require("textlint-util-to-string");

module.exports = function (context, { max = 30 } = {}) {
  const { Syntax, RuleError, report, locator } = context;
  const check = (node) => {
    const source = new StringSource(node, { replacer: ({ node, maskValue }) => (node.type === Syntax.Code ? maskValue("x") : undefined) });
    for (const sentence of split(source.toString().replaceAll("\n", " "))) {
      const words = sentence.type === "Sentence" ? sentence.raw.split(/\s+/).filter((word) => /[A-Za-z0-9]/.test(word)).length : 0;
      if (words > max) {
        const at = source.originalIndexFromIndex(sentence.range[0]) ?? 0;
        report(node, new RuleError(`a sentence of ${words} words: at most ${max}`, { padding: locator.at(at) }));
      }
    }
  };
  return { [Syntax.Paragraph]: check, [Syntax.TableCell]: check };
};
