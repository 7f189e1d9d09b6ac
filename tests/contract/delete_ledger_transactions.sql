-- Takes away what was booked.

delete from ledger_transaction
