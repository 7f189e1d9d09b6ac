-- Changes what was booked.

update ledger_transaction set amount = amount + 1
