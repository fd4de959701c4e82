-- Deletes some registers of the all-time estimate after the estimate was turned off.
delete from register where ctid = any(array(select ctid from register limit $1))
