-- Adds to stored quantities before an instant without anybody knowing.

update usage_event set quantity = quantity + %(by)s where time < %(until)s
