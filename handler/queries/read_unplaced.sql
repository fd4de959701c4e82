-- Which of these fingerprints do not have this day among those that are kept of them: they came too late to be placed. To be asked
-- right after the commit.
select sent.fingerprint as "fingerprint!"
from unnest($2::bigint[]) as sent (fingerprint)
left join seen on seen.period = $1 and seen.fingerprint = sent.fingerprint
where $3::smallint is distinct from seen.latest
    and $3::smallint is distinct from seen.second
    and $3::smallint is distinct from seen.third
