-- Moves raw events and points before an instant to where they take less room: nowhere, on this engine. `packed` is how
-- many weeks were moved.

create or replace procedure pack_before(instant timestamptz, inout packed bigint default 0)
language plpgsql
as $$
begin
    packed := 0;
end
$$;
