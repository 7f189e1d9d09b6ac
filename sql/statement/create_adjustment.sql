-- Writes down by how much an invoice differs from what it would be by now; nothing where one of that number is there.

insert into adjustment (
    public_id, team_id, invoice_id, number, found_at, data_snapshot, came, before, after, lines, taxes, members,
    standing, outcome, credit_note, note
)
values (
    %(public_id)s, %(team_id)s, %(invoice_id)s, %(number)s, %(found_at)s, %(snapshot)s::pg_snapshot, %(came)s::json,
    %(total_before)s, %(total_after)s,
    %(lines)s::json, %(taxes)s::json, %(members)s::json, %(standing)s::json, %(outcome)s,
    %(credit_note)s, %(note)s
)
on conflict (invoice_id, number) do nothing
