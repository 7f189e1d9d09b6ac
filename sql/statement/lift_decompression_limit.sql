-- Lets this transaction change as much of the columnstore as it must; a server without one does not know the setting.

select set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true)
