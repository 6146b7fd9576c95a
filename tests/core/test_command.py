"""Exit codes and messages of commands."""

import pytest

from kcifar.core.command import make_app, run_command
from kcifar.core.errors import Failure, Terminated, UserError


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UserError("seed: expected an integer"), 2, "error: seed: expected an integer\n"),
        (Failure("the loss is not finite"), 1, "error: the loss is not finite\n"),
        (OSError(28, "No space left on device"), 1, "error: [Errno 28] No space left on device\n"),
        (KeyboardInterrupt(), 130, ""),
        (Terminated(), 143, ""),
    ],
)
def test_every_end_has_its_exit_code(
    error: BaseException, code: int, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app = make_app("A command.")

    @app.command()
    def main() -> None:
        raise error

    monkeypatch.setattr("sys.argv", ["command"])
    assert run_command(app) == code
    assert capsys.readouterr().err == message


def test_success_is_0_and_an_unknown_option_is_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    app = make_app("A command.")

    @app.command()
    def main() -> None:
        return

    monkeypatch.setattr("sys.argv", ["command"])
    assert run_command(app) == 0
    monkeypatch.setattr("sys.argv", ["command", "--sead"])
    assert run_command(app) == 2
    assert capsys.readouterr().err == "error: No such option: --sead (--help lists all options)\n"


def test_an_error_in_the_code_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app("A command.")

    @app.command()
    def main() -> None:
        raise KeyError("x")

    monkeypatch.setattr("sys.argv", ["command"])
    with pytest.raises(KeyError):
        run_command(app)
