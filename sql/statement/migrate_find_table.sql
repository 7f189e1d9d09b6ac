-- Has this database ever been migrated?

select to_regclass('meter.migration') is not null
