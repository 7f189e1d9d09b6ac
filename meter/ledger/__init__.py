"""Credits: what a team paid ahead or was given, what usage took of it, what is left. Double entry, append-only.

`wallet` is pure: what may be reserved, which grant pays, what is owed, what is to be told. `store` locks, reads and
writes wallets; `acts` is what operators do to them, `expire` the job, `history` and `account` show what happened.
"""
