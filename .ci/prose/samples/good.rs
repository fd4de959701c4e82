//! Writes visits to the database. `What` and `nobody` are code here.

let sql = "select what, whoever from nobody where beside = 1";

// What is this? A question may begin so.

// Prints a value:
//   tool --all      an example
//   tool --some     another one, and lines of examples are not one sentence, however many words they have together
// Text after the examples is a sentence again, and it counts alone.

let counts = lines.len(); // Words of code are no prose: nobody_knows(them)
