-- Lets no transaction of this database unpack more than a hundred rows, from the next session on.

do $$
begin
    execute format(
        'alter database %I set timescaledb.max_tuples_decompressed_per_dml_transaction = 100', current_database()
    );
end
$$
