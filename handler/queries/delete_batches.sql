-- Ids are in order of time: everything below this one is older.
delete from batch where id < $1
