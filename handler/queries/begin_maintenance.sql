-- Acquires the maintenance lease, unless another instance holds it. A pooler could keep an advisory lock for another client. The
-- lease expires by itself if the instance dies.
update setting set maintained_until = database_clock() + interval '5 minutes'
where maintained_until is null or maintained_until < database_clock()
returning true as "is_free!"
