"""How is an OTLP request answered? In the encoding it came in: what was taken, or why nothing was."""

from __future__ import annotations

import msgspec
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceResponse,
)

from api.ingest.otlp import JSON, media

_MESSAGE = b"\x12"  # the tag of google.rpc.Status.message
_MORE = 0x80


def answer(media_type: str, refused_points: int, message: str) -> bytes:
    """An ExportMetricsServiceResponse: with how many points were refused and why, or empty when all were taken."""
    if media(media_type) == JSON:
        partial = {"rejectedDataPoints": str(refused_points), "errorMessage": message}
        return msgspec.json.encode({"partialSuccess": partial} if refused_points or message else {})
    response = ExportMetricsServiceResponse()
    if refused_points or message:
        partial_success = ExportMetricsPartialSuccess(rejected_data_points=refused_points, error_message=message)
        response.partial_success.CopyFrom(partial_success)
    return response.SerializeToString()


def status(message: str) -> bytes:
    """A google.rpc.Status in protobuf, which is the body of every refusal."""
    text = message.encode()
    return _MESSAGE + _varint(len(text)) + text if text else b""


def _varint(number: int) -> bytes:
    """A number as protobuf writes it: seven bits a byte, the lowest first."""
    found = bytearray()
    while number >= _MORE:
        found.append(number & 0x7F | _MORE)
        number >>= 7
    return bytes(found) + bytes((number,))
