-- Moves what lies before an instant to the columnstore, where there is one; how many chunks were moved.

call pack_before(%(before)s)
