-- Takes postings away.

delete from posting
