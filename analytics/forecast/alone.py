"""Linear algebra on one thread: matrices are small here, and several threads take four times as long."""

from __future__ import annotations

from contextlib import AbstractContextManager

import numpy as np  # noqa: F401 - its library must be there before it can be found
from threadpoolctl import ThreadpoolController

_BLAS = ThreadpoolController()


def alone() -> AbstractContextManager[object]:
    """Keeps numpy's linear algebra to one thread, in this process, for as long as it is entered."""
    limited: AbstractContextManager[object] = _BLAS.limit(limits=1, user_api="blas")
    return limited
