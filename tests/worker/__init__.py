"""Timed jobs: leases, the worker, its jobs, the checks, and processes that end together."""
