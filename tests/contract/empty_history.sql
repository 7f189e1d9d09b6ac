-- Does away with the history, and with all that refers to it.

truncate correction, corrected_event cascade
