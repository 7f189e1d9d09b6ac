-- Tampers with the history.

update corrected_event set old_quantity = 0
