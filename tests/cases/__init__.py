"""Worked cases of other systems, put through POST /v1/billing/calculate: `python -m tests.cases FILE`.

One small file per family of pricing models (``families``) translates a case of theirs into a question of ours;
``compare`` holds the answer against what they expect, ``argued`` knows where we differ on purpose, and why.
"""
