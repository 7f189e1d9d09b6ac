-- Makes this transaction read one snapshot from here on, and nothing but read.

set transaction isolation level repeatable read, read only
