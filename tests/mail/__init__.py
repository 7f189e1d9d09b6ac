"""Mail: what is queued, what a real mail server gets of it, and what it says."""
