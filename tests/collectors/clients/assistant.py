"""An assistant that asks a model through the openai library; the files that it is given set the measuring up."""

from __future__ import annotations

import runpy
import sys

from openai import OpenAI
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider

MODELS = ("small", "large")


def main() -> None:
    """Asks, a round per line of input; every second answer comes in pieces."""
    url, *setups = sys.argv[1:]
    for setup in setups:
        runpy.run_path(setup)
    provider = metrics.get_meter_provider()
    assert isinstance(provider, MeterProvider)
    client = OpenAI(base_url=f"{url}/v1", api_key="none")
    for number, _ in enumerate(sys.stdin):
        for model in MODELS[: number % 2 + 1]:
            client.chat.completions.create(model=model, messages=[{"role": "user", "content": "how many?"}])
        pieces = client.chat.completions.create(
            model=MODELS[0],
            messages=[{"role": "user", "content": "how many, piece by piece?"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        for _piece in pieces:
            pass
        provider.force_flush()
        print("done", flush=True)  # noqa: T201
    provider.shutdown()
    print("{}")  # noqa: T201


if __name__ == "__main__":
    main()
