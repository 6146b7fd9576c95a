"""TensorBoard event files that can be truncated, written without TensorFlow.

A record is its length, the masked CRC-32C of the length, the event and the masked CRC-32C of the event (TensorFlow's TFRecord
format); tensorboardX provides the event's protocol buffer and the checksum. Each run has one file, opened for appending, so that a
resumed run can truncate what an interrupted epoch wrote.
"""

import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

EVENT_FILE = "events.out.tfevents.0.kcifar"


def append_scalars(path: Path, step: int, values: Mapping[str, float]) -> None:
    """Append one event with scalar values to an event file; a new file first gets its header."""
    from tensorboardX.proto import event_pb2, summary_pb2  # loads torch if that is installed, hence the late import

    path.parent.mkdir(parents=True, exist_ok=True)
    summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
    event = event_pb2.Event(wall_time=time.time(), step=step, summary=summary)
    header = b"" if path.exists() and path.stat().st_size else _encode_record(event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2"))
    with path.open("ab") as file:
        file.write(header + _encode_record(event))


def _encode_record(event: Any) -> bytes:
    from tensorboardX.record_writer import masked_crc32c

    data: bytes = event.SerializeToString()
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))
