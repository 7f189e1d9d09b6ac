-- Which version of a price book is in force from when; and what was decided about a team's subscription. Both are logs:
-- nothing in them changes, but a decision may be withdrawn.

-- The texts of files that a book takes prices from, by name.
alter table price_version add column attached jsonb not null default '{}';

-- From an instant on a version is in force, until the next one's. The first holds before its instant too: there was no
-- other price. Of two from one instant the later applied wins.
create table price_schedule (
    id bigint generated always as identity primary key,
    book text not null,
    effective_from timestamptz not null,
    price_version_id bigint not null references price_version,
    applied_at timestamptz not null,
    applied_by text not null
);
create index price_schedule_book on price_schedule (book, effective_from, id);

create trigger price_schedule_is_final before update or delete on price_schedule
for each row execute function refuse_change();
create trigger price_schedule_is_kept before truncate on price_schedule
for each statement execute function refuse_change();

-- `decision` says what holds from `effective_at` on; meter/subscriptions/changes.py knows the kinds there are.
create table subscription_change (
    id bigint generated always as identity primary key,
    subscription_id bigint not null references subscription,
    team_id bigint not null references team,
    effective_at timestamptz not null,
    decision jsonb not null check (decision ? 'type'),
    decided_at timestamptz not null,
    decided_by text not null,
    withdrawn_at timestamptz,
    withdrawn_by text,
    check (num_nulls(withdrawn_at, withdrawn_by) in (0, 2))
);
create index subscription_change_team on subscription_change (team_id, effective_at, id);

-- What there was: a plan from an instant to another. Plans that follow each other are one subscription.
with known as (
    select
        s.*,
        lag(s.ends_at) over w as ended_before,
        lead(s.starts_at) over w as starts_after,
        first_value(s.id) over w as first_id
    from subscription as s
    window w as (partition by s.team_id order by s.starts_at)
)

insert into subscription_change (subscription_id, team_id, effective_at, decision, decided_at, decided_by)
select k.first_id, k.team_id, d.effective_at, d.decision, d.effective_at, 'migration'
from known as k
cross join lateral (
    select k.starts_at as effective_at, case
        when k.ended_before = k.starts_at
            then jsonb_build_object('type', 'plan', 'plan', k.plan, 'unused', 'credit', 'restart', false)
        else jsonb_build_object('type', 'start', 'plan', k.plan, 'anchor_day', k.anchor_day, 'restart', false)
    end as decision
    union all
    select k.ends_at, jsonb_build_object('type', 'cancel', 'unused', 'credit')
    where k.ends_at is not null and k.starts_after is distinct from k.ends_at
) as d
order by k.team_id, d.effective_at;

alter table invoice disable trigger invoice_is_final;
update invoice as i set subscription_id = f.id
from (select team_id, min(id) as id from subscription group by team_id) as f
where i.team_id = f.team_id and i.subscription_id <> f.id;
alter table invoice enable trigger invoice_is_final;
update subscription_change as c set subscription_id = f.id
from (select team_id, min(id) as id from subscription group by team_id) as f
where c.team_id = f.team_id and c.subscription_id <> f.id;
delete from subscription as s
where exists (select from subscription as o where o.team_id = s.team_id and o.id < s.id);

alter table subscription
drop column plan,
drop column anchor_day,
drop column starts_at,
drop column ends_at,
add unique (team_id);

create function guard_decision() returns trigger language plpgsql set search_path from current as $$
begin
    if tg_op = 'DELETE' or old.withdrawn_at is not null
        or to_jsonb(new) - array['withdrawn_at', 'withdrawn_by'] <> to_jsonb(old) - array['withdrawn_at', 'withdrawn_by']
    then
        raise exception 'a decision is withdrawn once and never changed' using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

create trigger subscription_change_is_kept before update or delete on subscription_change
for each row execute function guard_decision();
create trigger subscription_change_is_not_emptied before truncate on subscription_change
for each statement execute function refuse_change();

-- A line says for which time it is and by which prices; what coupons and taxes made of it is its `settled`, and its
-- `total` what is to be paid. Of lines written before nothing was taken off.
alter table invoice_line
add column served_from timestamptz,
add column served_to timestamptz,
add column plan text not null default '',
add column price_version text not null default '',
add column settled json,
add column total numeric;

-- The sums of an invoice between its lines and its total: coupons, taxes and how they came about.
alter table invoice add column document json;

alter table invoice drop constraint invoice_reason_check;
alter table invoice add check (reason in ('period', 'advance'));

create or replace function refuse_wrong_sums(invoice bigint, total numeric) returns void
language plpgsql set search_path from current as $$
begin
    if (
        select coalesce(sum(coalesce(l.total, l.amount)), 0) <> refuse_wrong_sums.total
            or coalesce(bool_or(l.amount is distinct from (
                select sum(s.amount) from invoice_share as s
                where s.line_id = l.id
            )), false)
            or refuse_wrong_sums.total <> (
                select coalesce(sum(m.amount), 0) from invoice_member as m
                where m.invoice_id = invoice
            )
        from invoice_line as l
        where l.invoice_id = invoice
    ) then
        raise exception 'invoice % does not add up', invoice using errcode = 'check_violation';
    end if;
end
$$;
