-- Offers a salt for a period and answers the one that holds: whoever came first wins. Null: the period is closed.
insert into salt (bucket, salt, forget_after) values ($1, $2, to_timestamp($3::double precision))
on conflict (bucket) do update set forget_after = greatest(salt.forget_after, excluded.forget_after)
returning salt
