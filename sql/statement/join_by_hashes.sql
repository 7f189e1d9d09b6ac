-- Rules out loops and sorts for the joins of this transaction, and gives them room in memory: two long lists of ids are
-- joined, of which the planner does not know how few have anything in common.

select
    set_config('enable_nestloop', 'off', true),
    set_config('enable_mergejoin', 'off', true),
    set_config('work_mem', '64MB', true)
