-- Says whether rows may be joined by a loop over both sides, for the rest of this transaction.

select set_config('enable_nestloop', %(allowed)s, true)
