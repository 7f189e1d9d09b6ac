-- Lets nobody write rolled hours.

lock table {} in share mode
