-- Offers a key for the networks of a day, and returns the valid key: the first offer wins.
insert into network_key (day, key) values ($1, $2)
on conflict (day) do update set key = network_key.key
returning key
