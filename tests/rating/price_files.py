"""Price files of language models: the one that litellm brings, and a newer one where it lies beside the project."""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data" / "litellm_prices.json.gz"
NAMES = ("litellm", *(["beside"] if BESIDE.exists() else []))


def text_of(name: str) -> str:
    """What a price file says, to the last digit."""
    if name == "beside":
        return gzip.decompress(BESIDE.read_bytes()).decode()
    spec = find_spec("litellm")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).with_name("model_prices_and_context_window_backup.json").read_text("utf-8")
