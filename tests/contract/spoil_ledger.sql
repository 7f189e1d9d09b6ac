-- Lets an account and its grants stand other than their postings say.

with grants as (
    update grant_standing set remaining = remaining - 1
    where account_id = %(account_id)s
)

update account_standing set balance = balance + 1
where account_id = %(account_id)s
