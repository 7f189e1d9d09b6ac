-- Says whether rows may be looked up one by one, joined by a loop or in the order of an index, for the rest of this
-- transaction.

select
    set_config('enable_nestloop', %(allowed)s, true),
    set_config('enable_indexscan', %(allowed)s, true)
