-- Takes the right to do maintenance, unless an instance has it. Not an advisory lock, which a pooler would keep for somebody
-- else; and it ends by itself, if that instance dies.
update setting set maintained_until = database_clock() + interval '5 minutes'
where maintained_until is null or maintained_until < database_clock()
returning true as "is_free!"
