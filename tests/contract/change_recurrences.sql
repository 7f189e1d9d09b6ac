-- Lets grants give more each time they come again.

update grant_recurrence set amount = amount + 1
