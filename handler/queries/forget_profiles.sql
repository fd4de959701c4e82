-- Forgets the profiles of days ($1 rows at most) whose period is closed. The number of a month is that of `salt`.
with forgotten as (
    select pack.site, pack.day
    from pack
    cross join setting
    cross join lateral (select date '1970-01-01' + pack.day as date) as of_day
    where profiles is not null and not exists (
        select from salt
        where salt.site = pack.site and salt.salt is not null
            and salt.period = case
                when setting.forget = 'daily' then pack.day
                else extract(year from of_day.date)::integer * 12 + extract(month from of_day.date)::integer - 1
            end
    )
    limit $1
)
update pack set profiles = null from forgotten where pack.site = forgotten.site and pack.day = forgotten.day
