-- Who a team wants its invoices to be for; no row where it never said.

select name, address, country, tax_ids, locale, reference, version, changed_at
from billing_profile
where team_id = %(team_id)s
