"""Tests of what happens to the sum of an invoice."""
