"""A precision that is slow on the hardware is said in one line before training."""

import pytest
from tiny_recipe import tiny_recipe

import kcifar
from kcifar.engine import backend


@pytest.mark.parametrize(
    ("precision", "features", "gpu", "name", "said"),
    [
        ("mixed_float16", set(), False, "tensorflow", "mixed_float16 is emulated on processors, many times slower than float32; float32 suits"),
        (
            "mixed_float16",
            {"amx_bf16"},
            False,
            "torch",
            "mixed_float16 is emulated on processors, many times slower than float32; mixed_bfloat16 suits",
        ),
        ("mixed_float16", set(), False, "jax", None),
        ("mixed_float16", set(), True, "tensorflow", None),
        ("mixed_bfloat16", {"avx2"}, False, "tensorflow", "mixed_bfloat16 is slower than float32 on this processor"),
        ("mixed_bfloat16", {"avx512_bf16"}, False, "tensorflow", "mixed_bfloat16 is slower than float32 on this processor"),
        ("mixed_bfloat16", {"amx_bf16"}, False, "tensorflow", None),
        ("mixed_bfloat16", set(), True, "torch", None),
        ("float32", set(), False, "tensorflow", None),
    ],
)
def test_only_a_slow_precision_is_warned_about(
    precision: str, features: set[str], gpu: bool, name: str, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "has_gpu", lambda: gpu)
    monkeypatch.setattr(backend, "read_processor_features", lambda: features)
    monkeypatch.setattr(backend, "_find_gpu_capability", lambda name: None)
    monkeypatch.setattr(backend.keras.config, "backend", lambda: name)
    line = backend.warn_about_precision(precision)
    assert line == said or (line is not None and said is not None and line.startswith(f"warning: precision: {said}"))
    assert backend.warn_about_precision(backend.choose_precision()) is None or gpu  # what `auto` takes is never warned about


def test_a_run_says_so(capsys: pytest.CaptureFixture[str], tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kcifar.training.run_messages.warn_about_precision", lambda precision: f"warning: {precision}")
    kcifar.train(tiny_recipe(stages=[{"name": "only", "epochs": 1, "learning_rate": 1e-3}]), run=f"{tmp_path}/run", verbose=2)
    assert capsys.readouterr().out.splitlines().count("warning: float32") == 1
