"""What jobs share: grids of windows, robust slopes, numbers out. Pure, as everything in analytics but `run.py`."""
