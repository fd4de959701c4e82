select id, registers_revision from site where name = $1
