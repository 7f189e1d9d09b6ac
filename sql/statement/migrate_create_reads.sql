-- Room for the read contract.

create schema meter_read
