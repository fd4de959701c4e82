-- Takes the maintenance lease for $1 seconds, unless another instance holds it. $2 is the end of the lease that the sender holds, if
-- any. A pooler could keep an advisory lock for another client. The lease expires by itself if the instance dies.
update setting set maintained_until = database_clock() + make_interval(secs => $1)
where maintained_until is null or maintained_until < database_clock() or maintained_until = $2::text::timestamptz
returning maintained_until::text as "until!"
