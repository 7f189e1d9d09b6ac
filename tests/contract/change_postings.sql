-- Changes postings.

update posting set amount = amount + 1
