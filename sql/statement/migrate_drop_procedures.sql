-- Takes every procedure of ours away, to be made anew in the same transaction: none of an older version stays behind.

do $$
declare
    found regprocedure;
begin
    for found in select oid::regprocedure from pg_proc where pronamespace = 'meter'::regnamespace and prokind = 'p' loop
        execute format('drop procedure %s', found);
    end loop;
end
$$
