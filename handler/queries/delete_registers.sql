-- Deletes some registers of the all-time estimate, where none is kept any more.
delete from register where ctid = any(array(select ctid from register limit $1))
