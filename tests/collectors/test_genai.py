"""The openai library under its OpenTelemetry instrumentation: tokens by model are what its server told."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.collectors.figures import by, everything
from tests.collectors.page import block, shell
from tests.collectors.programs import application
from tests.collectors.recorder import recording, replay
from tests.served import make_team, serving

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).parent / "clients" / "assistant.py"
DATED = "-2026-11-01"  # the model that answers is not quite the one that was asked for


class Model:
    """A server of a model that knows how many tokens it has told of."""

    def __init__(self) -> None:
        """Has told of none."""
        self.url = ""
        self.input: Counter[str] = Counter()
        self.output: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Answer a question, with its tokens."""
        model = question["model"] + DATED
        self.calls[model] += 1
        tokens = {"prompt_tokens": 1000 + 7 * self.calls.total(), "completion_tokens": 11 * self.calls.total()}
        self.input[model] += tokens["prompt_tokens"]
        self.output[model] += tokens["completion_tokens"]
        said = {"role": "assistant", "content": "four"}
        return {
            "id": f"chatcmpl-{self.calls.total()}",
            "object": "chat.completion",
            "created": 1795160000,
            "model": model,
            "choices": [{"index": 0, "message": said, "finish_reason": "stop"}],
            "usage": {**tokens, "total_tokens": sum(tokens.values())},
        }


def pieces_of(answer: dict[str, Any]) -> bytes:
    """Answer the same in the pieces of a stream, the tokens last."""
    piece = {**answer, "object": "chat.completion.chunk", "usage": None}
    said = {"index": 0, "delta": {"role": "assistant", "content": "four"}, "finish_reason": None}
    ended = {"index": 0, "delta": {}, "finish_reason": "stop"}
    pieces = [
        {**piece, "choices": [said]},
        {**piece, "choices": [ended]},
        {**piece, "choices": [], "usage": answer["usage"]},
    ]
    return b"".join(f"data: {json.dumps(each)}\n\n".encode() for each in pieces) + b"data: [DONE]\n\n"


@contextmanager
def serving_model() -> Iterator[Model]:
    """Answer a model's server that speaks as OpenAI's does."""
    model = Model()

    class Handler(BaseHTTPRequestHandler):
        """Answers chat completions, whole or in pieces."""

        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = model.answer(question)
            streamed = question.get("stream", False)
            body = pieces_of(answer) if streamed else json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream" if streamed else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        model.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield model
        finally:
            server.shutdown()
            thread.join()


def test_tokens_are_those_the_model_told(database: str, tmp_path: Path) -> None:
    """Input and output tokens and calls by model, whole and streamed, by the usual rules; replays change nothing."""
    with serving(database, tmp_path) as service, recording(service.url) as recorder, serving_model() as model:
        client = make_team(service.url)
        setups = [tmp_path / "setup_sdk.py", tmp_path / "setup_openai.py"]
        setups[0].write_text(block("otel-python", client), "utf-8")
        setups[1].write_text(block("genai", client), "utf-8")
        arguments = " ".join([model.url, *map(str, setups)])
        script = f"{shell('otel-environment', client, recorder.url)}\nexec {sys.executable} {PROGRAM} {arguments}"
        with application(script, tmp_path / "assistant.log") as running:
            running.work(2)
            recorder.lose = 1
            running.work(4)
            running.finish()

        assert model.calls.total() == 15
        assert by(client, "tokens.input", "model") == {name: Decimal(n) for name, n in model.input.items()}
        assert by(client, "tokens.output", "model") == {name: Decimal(n) for name, n in model.output.items()}
        assert by(client, "requests", "model") == {name: Decimal(n) for name, n in model.calls.items()}
        assert set(by(client, "tokens.input", "service")) == {"shop"}
        before = everything(client)
        assert set(replay(recorder.requests, service.url)) == {200}
        assert everything(client) == before
