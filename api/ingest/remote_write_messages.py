"""The messages of Prometheus remote write, as far as they are read: made here, since no package ships them.

After prompb/types.proto (1.0) and prompb/io/prometheus/write/v2/types.proto (2.0). What both have under other numbers
is a message of each; a sample or a histogram is the same in both, but for its start, which only 2.0 has. Exemplars are
only counted, so their content stays bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, cast

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from api.ingest.protobuf_fields import tag

SERIES_1, METADATA_1 = tag(1), tag(3)  # of prometheus.WriteRequest
SYMBOL, SERIES_2 = tag(4), tag(5)  # of io.prometheus.write.v2.Request
COUNTER, GAUGE, HISTOGRAM, SUMMARY = 1, 2, 3, 5  # metric types, the same in both
RESET_HINT_GAUGE = 3

_PACKAGE = "remote_write"


class Label(Protocol):
    """A label of a series, as 1.0 writes it."""

    name: str
    value: str


class Sample(Protocol):
    """A value at a time; times here and below are milliseconds since 1970, 0 where there is none."""

    value: float
    timestamp: int
    start_timestamp: int


class Histogram(Protocol):
    """What is read of a native histogram."""

    count_int: int
    count_float: float
    sum: float
    reset_hint: int
    timestamp: int
    start_timestamp: int

    def HasField(self, field_name: Literal["count_int", "count_float"], /) -> bool:  # noqa: N802 - protobuf's own name
        """Whether this count is the one that was sent."""
        ...


class Series1(Protocol):
    """A series of 1.0, which brings its labels."""

    labels: Sequence[Label]
    samples: Sequence[Sample]
    exemplars: Sequence[bytes]
    histograms: Sequence[Histogram]


class Metadata1(Protocol):
    """What 1.0 says about a metric, apart from its series."""

    type: int
    metric_family_name: str
    help: str
    unit: str


class Metadata2(Protocol):
    """What 2.0 says about the metric of a series."""

    type: int
    help_ref: int
    unit_ref: int


class Series2(Protocol):
    """A series of 2.0: labels are places in the request's symbols, name and value in turn."""

    labels_refs: Sequence[int]
    samples: Sequence[Sample]
    exemplars: Sequence[bytes]
    histograms: Sequence[Histogram]
    metadata: Metadata2
    created_timestamp: int

    def HasField(self, field_name: Literal["metadata"], /) -> bool:  # noqa: N802 - protobuf's own name
        """Whether anything is said about the metric."""
        ...


# By message and field: number and type, which ends in [] where the field repeats; (one of) where fields exclude others.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Label": {"name": (1, "string"), "value": (2, "string")},
    "Sample": {"value": (1, "double"), "timestamp": (2, "int64"), "start_timestamp": (3, "int64")},
    "Histogram": {
        "count_int": (1, "uint64 (one of)"),
        "count_float": (2, "double (one of)"),
        "sum": (3, "double"),
        "reset_hint": (14, "int32"),
        "timestamp": (15, "int64"),
        "start_timestamp": (17, "int64"),
    },
    "Series1": {"labels": (1, "Label[]"), "samples": (2, "Sample[]"), "exemplars": (3, "bytes[]")}
    | {"histograms": (4, "Histogram[]")},
    "Metadata1": {"type": (1, "int32"), "metric_family_name": (2, "string"), "help": (4, "string")}
    | {"unit": (5, "string")},
    "Metadata2": {"type": (1, "int32"), "help_ref": (3, "uint32"), "unit_ref": (4, "uint32")},
    "Series2": {"labels_refs": (1, "uint32[]"), "samples": (2, "Sample[]"), "histograms": (3, "Histogram[]")}
    | {"exemplars": (4, "bytes[]"), "metadata": (5, "Metadata2"), "created_timestamp": (6, "int64")},
}


def _field(name: str, number: int, kind: str) -> FieldDescriptorProto:
    label = FieldDescriptorProto.LABEL_REPEATED if kind.endswith("[]") else FieldDescriptorProto.LABEL_OPTIONAL
    bare = kind.removesuffix("[]").removesuffix(" (one of)")
    made = FieldDescriptorProto(name=name, number=number, label=label)
    if kind.endswith("(one of)"):
        made.oneof_index = 0
    if bare in _MESSAGES:
        made.type, made.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{_PACKAGE}.{bare}"
    else:
        made.type = FieldDescriptorProto.Type.Value(f"TYPE_{bare.upper()}")
    return made


def _message(name: str, fields: dict[str, tuple[int, str]]) -> DescriptorProto:
    made = DescriptorProto(name=name, field=[_field(each, *fields[each]) for each in fields])
    if any(field.HasField("oneof_index") for field in made.field):
        made.oneof_decl.add(name="count")
    return made


_pool = DescriptorPool()  # of our own: another library of the process may have the same messages, whole
_pool.Add(
    FileDescriptorProto(
        name="remote_write.proto",
        package=_PACKAGE,
        syntax="proto3",
        message_type=[_message(name, fields) for name, fields in _MESSAGES.items()],
    )
)
_series_1, _series_2, _metadata_1 = (
    GetMessageClass(_pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in ("Series1", "Series2", "Metadata1")
)


def series_1(content: bytes) -> Series1:
    """A series of 1.0. Raises DecodeError."""
    return cast("Series1", _series_1.FromString(content))


def series_2(content: bytes) -> Series2:
    """A series of 2.0. Raises DecodeError."""
    return cast("Series2", _series_2.FromString(content))


def metadata_1(content: bytes) -> Metadata1:
    """What is said about a metric. Raises DecodeError."""
    return cast("Metadata1", _metadata_1.FromString(content))
