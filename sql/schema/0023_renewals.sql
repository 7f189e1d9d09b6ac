-- Grants that come again: how often, by the clock of which zone, and what is in them then.

-- Renewed at `anchor` and each `times` hours, days, … before and after it: `amount` is given anew, and of the rest is kept
-- no less than `keep_least`, no more than `keep_most` (none: all). `next_at` is when it is due next; none: never again.
create table grant_recurrence (
    grant_id bigint primary key references credit_grant,
    every text not null check (every in ('hour', 'day', 'week', 'month', 'year')),
    times integer not null check (times between 1 and 1000),
    zone text not null,
    anchor timestamptz not null,
    amount numeric not null check (amount >= 0 and amount < 'Infinity'),
    keep_least numeric not null check (keep_least >= 0 and keep_least < 'Infinity'),
    keep_most numeric check (keep_most >= keep_least and keep_most < 'Infinity'),
    next_at timestamptz,
    ended_at timestamptz
) with (fillfactor = 50);
create index grant_recurrence_due on grant_recurrence (next_at) where next_at is not null;

create function guard_recurrence() returns trigger language plpgsql set search_path from current as $$
begin
    if tg_op = 'DELETE' or new.next_at < old.next_at
        or (old.next_at is null and new.next_at is not null)
        or (old.ended_at is not null and new.ended_at is distinct from old.ended_at)
        or to_jsonb(new) - array['next_at', 'ended_at'] <> to_jsonb(old) - array['next_at', 'ended_at']
    then
        raise exception 'a recurrence goes on or ends, and is never changed' using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

create trigger grant_recurrence_is_kept before update or delete on grant_recurrence
for each row execute function guard_recurrence();
create trigger grant_recurrence_is_not_emptied before truncate on grant_recurrence
for each statement execute function refuse_change();
