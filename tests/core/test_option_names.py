"""Options are named as the reader wrote them: on the command line, or in a call from Python."""

import contextlib
import threading
from pathlib import Path

import pytest

from kcifar.core.errors import UserError
from kcifar.core.option_names import name_option, python_names, uses_python_names
from kcifar.training.request import make_request


@pytest.mark.parametrize(
    ("option", "value", "command_line", "python"),
    [
        ("resume", None, "--resume", "resume=True"),
        ("overwrite", None, "--overwrite", "overwrite=True"),
        ("run", None, "--run", "run"),
        ("run", "FOLDER", "--run FOLDER", "run='FOLDER'"),
        ("data", Path("a.npz"), "--data a.npz", "data='a.npz'"),
        ("stages", None, "--stages", "recipe"),
        ("image-size", None, "--image-size", "image_size"),
    ],
)
def test_an_option_is_named_as_its_reader_writes_it(option: str, value: object, command_line: str, python: str) -> None:
    assert name_option(option, value) == command_line
    with python_names():
        assert name_option(option, value) == python
    assert name_option(option, value) == command_line


def test_blocks_may_be_nested_and_end_with_an_error() -> None:
    with python_names():
        with python_names():
            assert uses_python_names()
        assert uses_python_names()
    with contextlib.suppress(ValueError), python_names():
        raise ValueError
    assert not uses_python_names()


def test_another_thread_keeps_its_own_names() -> None:
    seen: list[str] = []
    with python_names():
        thread = threading.Thread(target=lambda: seen.append(name_option("resume")))
        thread.start()
        thread.join()
    assert seen == ["--resume"]


def test_messages_speak_the_language_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected --resume or --overwrite, got both"):
        make_request(None, tmp_path, resume=True, overwrite=True)
    with python_names(), pytest.raises(UserError, match="expected resume=True or overwrite=True, got both"):
        make_request(None, tmp_path, resume=True, overwrite=True)
    with python_names(), pytest.raises(UserError, match=r"recipe: expected a recipe file \(or resume=True with run\), got neither"):
        make_request(None, None, resume=False, overwrite=False)
