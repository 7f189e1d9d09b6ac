-- Keeps up to when coverage tells what was counted, and how many series are silent.

update coverage_progress set at = %(at)s, silent = %(silent)s
