-- Takes away how grants come again.

delete from grant_recurrence
