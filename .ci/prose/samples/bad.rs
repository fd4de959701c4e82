// Which of them is meant stands elsewhere.

/// Sends the batch. What was refused stays.

    // One sentence on several lines that goes on and on, with one clause after the other, so that a reader
    // has to keep the beginning in mind while the end, which has the verb, still does not want to come.

fn what_nobody_asked_for() {}

    bail!("the value of {name} stands beside the other one");

    // A wrapped sentence that hides an old word, such as told
    // apart, between two lines.
