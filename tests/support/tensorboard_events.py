"""Reads TensorBoard event files with their checksums."""

import struct
from pathlib import Path

from tensorboardX.proto import event_pb2
from tensorboardX.record_writer import masked_crc32c


def events_of(path: Path) -> list[event_pb2.Event]:
    """Read an event file with its checksums (TensorFlow's TFRecord format)."""
    data, events = path.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        assert struct.unpack("<I", data[8:12])[0] == masked_crc32c(data[:8])
        body = data[12 : 12 + length]
        assert struct.unpack("<I", data[12 + length : 16 + length])[0] == masked_crc32c(body)
        events.append(event_pb2.Event.FromString(body))
        data = data[16 + length :]
    return events
