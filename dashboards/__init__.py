"""What does a person see or receive? Pages and documents: pure view models in, HTML, figures and PDF out."""

from __future__ import annotations
