-- Deletes the counters of one kind of period ($1 to $2, its smallest and its first bucket to keep).
delete from tally where bucket >= $1 and bucket < $2
