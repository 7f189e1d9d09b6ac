"""Whole journeys: real bodies over real HTTP into a real database, and what its readers then see."""
