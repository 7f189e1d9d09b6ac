-- Whether any version of a book was ever put in force.

select 1 from price_schedule where book = %(book)s
limit 1
