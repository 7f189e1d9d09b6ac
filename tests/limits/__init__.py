"""Budgets, windows, paths and verdicts: pure."""
