"""The sizes and checksums of CIFAR's official files.

Sizes in bytes. Sources of the MD5 checksums: torchvision (files of the Python archives; other projects list the same). For the
checksums of the archives see `cifar_layouts`. The sizes of the binary archives' files follow from their format; no checksums are published.
"""

from typing import NamedTuple


class OfficialFile(NamedTuple):
    """Size and checksum of an official file; None where unknown."""

    size: int | None
    md5: str | None = None


ARCHIVE_SIZES = {
    "cifar-10-python.tar.gz": 170_498_071,
    "cifar-10-binary.tar.gz": 170_052_171,
    "cifar-100-python.tar.gz": 169_001_437,
    "cifar-100-binary.tar.gz": 168_513_733,
}
_BATCH, _RECORD_10, _RECORD_100 = 10_000, 1 + 3 * 32 * 32, 2 + 3 * 32 * 32
OFFICIAL_FILES: dict[str, dict[str, OfficialFile]] = {
    "cifar-10-batches-py": {
        "data_batch_1": OfficialFile(31_035_704, "c99cafc152244af753f735de768cd75f"),
        "data_batch_2": OfficialFile(31_035_320, "d4bba439e000b95fd0a9bffe97cbabec"),
        "data_batch_3": OfficialFile(31_035_999, "54ebc095f3ab1f0389bbae665268c751"),
        "data_batch_4": OfficialFile(31_035_696, "634d18415352ddfa80567beed471001a"),
        "data_batch_5": OfficialFile(31_035_623, "482c414d41f54cd18b22e5b47cb7c3cb"),
        "test_batch": OfficialFile(31_035_526, "40351d587109b95175f43aff81a1287e"),
        "batches.meta": OfficialFile(158, "5ff9c542aee3614f3951f8cda6e48888"),
    },
    "cifar-10-batches-bin": {
        **{f"data_batch_{number}.bin": OfficialFile(_BATCH * _RECORD_10) for number in range(1, 6)},
        "test_batch.bin": OfficialFile(_BATCH * _RECORD_10),
        "batches.meta.txt": OfficialFile(None),
    },
    "cifar-100-python": {
        "train": OfficialFile(155_249_918, "16019d7e3df5f24257cddd939b257f8d"),
        "test": OfficialFile(None, "f0ef6b0ae62326f3e7ffdfab6717acfc"),
        "meta": OfficialFile(None, "7973b15100ade9c7d40fb424638fde48"),
    },
    "cifar-100-binary": {
        "train.bin": OfficialFile(5 * _BATCH * _RECORD_100),
        "test.bin": OfficialFile(_BATCH * _RECORD_100),
        "fine_label_names.txt": OfficialFile(None),
        "coarse_label_names.txt": OfficialFile(None),
    },
}
