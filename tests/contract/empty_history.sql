-- Does away with the history.

truncate correction, corrected_event
