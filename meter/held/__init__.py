"""Held events: an id that came before, with another time, is found within minutes and counts nothing until decided.

`slices` and `choose` are pure: which ranges to look at, which of two times is held. `look` finds ids that came again,
`hold` takes the later ones out of what counts, `turn` is the job that does both, `settle` does it before a bill;
`decide` counts or drops what is held, `listing` shows it.
"""
