-- Our own schema; nothing of ours is anywhere else.

create schema if not exists meter
