-- Sets a budget.

insert into budget (
    public_id, team_id, name, measure, amount, span, seconds, meters, member_id, service_id, key_id, each, hard, opens,
    created_at
) values (
    %(public_id)s, %(team_id)s, %(name)s, %(measure)s, %(amount)s, %(span)s, %(seconds)s, %(meters)s, %(member_id)s,
    %(service_id)s, %(key_id)s, %(each)s, %(hard)s, %(opens)s, %(now)s
)
