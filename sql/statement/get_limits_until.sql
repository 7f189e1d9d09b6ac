-- Up to when all usage is in the counters of limits; null where no worker has followed yet.

select at from limit_progress
