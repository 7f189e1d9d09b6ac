-- Sets apart what calls may use.

insert into reservation (
    public_id, team_id, key_id, member_id, service_id, at, expires_at, counter_ids, amounts, account_id, burns
)
select
    r.public_id, r.team_id, r.key_id, nullif(r.member_id, 0), nullif(r.service_id, 0), r.at, r.expires_at,
    r.counter_ids, r.amounts, r.account_id, r.burns
from jsonb_to_recordset(%(reservations)s::jsonb) as r (
    public_id uuid,
    team_id bigint,
    key_id bigint,
    member_id bigint,
    service_id bigint,
    at timestamptz,
    expires_at timestamptz,
    counter_ids bigint [],
    amounts numeric [],
    account_id bigint,
    burns jsonb
)
