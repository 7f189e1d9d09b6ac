-- Keeps an account in another way from now on.

update account set
    unit = %(unit)s,
    credit_price = %(credit_price)s,
    floor = %(floor)s::numeric,
    low_balance = %(low_balance)s,
    recharge_below = %(recharge_below)s,
    recharge_amount = %(recharge_amount)s,
    version = version + 1
where id = %(account_id)s
