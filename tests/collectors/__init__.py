"""Real, unmodified collectors and clients against the real service: what they count is what we count."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "tests.collectors.figures", "tests.collectors.page", "tests.collectors.programs", "tests.collectors.shops"
)
