"""What litellm says calls cost, asked in a process of its own: importing it takes seconds and changes much around it.

Reads a price file's path and calls as JSON from its input, and answers with each call's costs of prompt and completion.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"


def offline(*_: object, **__: object) -> NoReturn:
    """End at the first try to reach anybody: what is compared are the prices of one file, and nobody's of today."""
    sys.stderr.write("litellm went for the network\n")
    os._exit(1)


def cost(litellm: Any, call: dict[str, Any]) -> tuple[str, str]:
    """Costs of one call, as the digits of litellm's floats; its usage is as OpenAI's: totals, and what is in them."""
    tokens = call["tokens"]
    read, write, reasoning = (tokens.get(kind, 0) for kind in ("cache_read", "cache_write", "reasoning"))
    prompt, completion = tokens.get("input", 0) + read + write, tokens.get("output", 0) + reasoning
    usage = litellm.Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        prompt_tokens_details={"cached_tokens": read, "cache_creation_tokens": write},
        completion_tokens_details={"reasoning_tokens": reasoning},
    )
    costs = litellm.cost_per_token(
        model=call["model"], custom_llm_provider=call["provider"], usage_object=usage, response_time_ms=None
    )
    return repr(costs[0]), repr(costs[1])


def main() -> None:
    """Answer one question."""
    socket.getaddrinfo = offline
    socket.socket.connect = offline  # type: ignore[method-assign]
    import litellm  # noqa: PLC0415 - only once nothing can be fetched

    asked = json.load(sys.stdin)
    litellm.suppress_debug_info = True
    litellm.model_cost = json.loads(Path(asked["file"]).read_text("utf-8"))
    json.dump([cost(litellm, call) for call in asked["calls"]], sys.stdout)


if __name__ == "__main__":
    main()
