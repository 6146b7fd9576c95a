"""`python -m kcifar.bench`: measurements on this machine, each against its rivals in one process."""

from typing import Annotated, Any

import typer

from kcifar.command import new_app, run_app

app = new_app(__doc__ or "")
Repeats = Annotated[int, typer.Option(min=1, max=1000, help="Turns of each contender; medians are shown.")]


@app.command()
def train(
    repeats: Repeats = 3, precision: Annotated[list[str] | None, typer.Option(help="float32, mixed_bfloat16, mixed_float16; repeatable.")] = None
) -> None:
    """Images a second of the trainer, of plain fit on one resident batch, and of ImageDataGenerator into fit."""
    from kcifar.checks import expect_choice
    from kcifar.engine.backend import PRECISIONS, automatic_precision, load_backend

    for name in precision or ():
        expect_choice("--precision", name, PRECISIONS)
    load_backend()
    from kcifar.benchmarks.train import compare

    _show("Training, residual_cnn, batch 64", compare(precision or list(dict.fromkeys(["float32", automatic_precision()])), repeats))


@app.command()
def augment(repeats: Repeats = 7, batches: Annotated[int, typer.Option(min=1, max=100_000, help="Batches of 64 in a turn.")] = 200) -> None:
    """Images a second of affine and flip: ours, ImageDataGenerator and Keras' random layers."""
    from kcifar.engine.backend import load_backend

    load_backend()
    from kcifar.benchmarks.augment import compare

    _show("Augmentation, batches of 64, 32x32x3", compare(batches, repeats))


def _show(title: str, table: Any) -> None:
    """Print a table with the machine it was measured on."""
    from kcifar.engine.backend import device_names
    from kcifar.environment import describe_environment
    from kcifar.lazy import keras

    facts = describe_environment(keras.config.backend(), device_names(), "", ())
    versions = ", ".join(f"{name} {version}" for name, version in facts["packages"].items() if name in ("keras", facts["backend"]))
    print(f"{title}\n{facts['processor']}, {facts['cores']} cores, {', '.join(facts['devices'])}; {versions}\n")
    print(table.to_string(index=False, float_format=lambda value: f"{value:,.2f}" if value < 100 else f"{value:,.0f}", na_rep="-"))


if __name__ == "__main__":
    run_app(app)
