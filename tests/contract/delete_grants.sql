-- Takes away what was granted.

delete from credit_grant
