"""`python -m kcifar.bench`: measurements on this machine, each against its rivals in one process."""

from typing import Annotated

import typer

from kcifar.command import new_app, run_app

app = new_app(__doc__ or "")
Repeats = Annotated[int, typer.Option(min=1, max=1000, help="Turns of each contender.")]


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
    from kcifar.benchmarks.table import show_table
    from kcifar.benchmarks.train import compare

    show_table("Training, residual_cnn, batch 64", compare(precision or list(dict.fromkeys(["float32", automatic_precision()])), repeats))


@app.command()
def augment(repeats: Repeats = 7, batches: Annotated[int, typer.Option(min=1, max=100_000, help="Batches of 64 in a turn.")] = 200) -> None:
    """Images a second of affine and flip: ours, ImageDataGenerator and Keras' random layers."""
    from kcifar.engine.backend import load_backend

    load_backend()
    from kcifar.benchmarks.augment import compare
    from kcifar.benchmarks.table import show_table

    show_table("Augmentation, batches of 64, 32x32x3", compare(batches, repeats))


@app.command()
def augmentations(
    names: Annotated[list[str] | None, typer.Argument(help="Registered augmentations.  [default: all]")] = None,
    repeats: Repeats = 7,
    batches: Annotated[int, typer.Option(min=1, max=100_000, help="Batches of 64 in a turn.")] = 200,
) -> None:
    """Images a second of each augmentation as training runs it, against a plain cast of the same batches."""
    from kcifar.augment import AUGMENTATIONS
    from kcifar.engine.backend import load_backend

    wanted = names or AUGMENTATIONS.names()
    for name in wanted:
        AUGMENTATIONS.get(name, "bench augmentations")
    load_backend()
    from kcifar.benchmarks.augmentations import compare
    from kcifar.benchmarks.table import show_table

    show_table("Augmentations, batches of 64, 32x32x3", compare(wanted, batches, repeats))


@app.command()
def models(
    names: Annotated[list[str] | None, typer.Argument(help="Registered networks.  [default: all]")] = None,
    repeats: Repeats = 3,
    precision: Annotated[str, typer.Option(help="float32, mixed_bfloat16 or mixed_float16.")] = "float32",
) -> None:
    """Images a second of each network, forward and in training, and how its bare Keras layers compare."""
    from kcifar.checks import expect_choice
    from kcifar.engine.backend import PRECISIONS, load_backend
    from kcifar.models import MODELS

    expect_choice("--precision", precision, PRECISIONS)
    wanted = names or MODELS.names()
    for name in wanted:
        MODELS.get(name, "bench models")
    load_backend()
    from kcifar.benchmarks.networks import compare
    from kcifar.benchmarks.table import show_table

    show_table(f"Networks, 32x32x3, 10 classes, {precision}", compare(wanted, precision, repeats))


@app.command()
def torch(repeats: Repeats = 7, precision: Annotated[list[str] | None, typer.Option(help="float32, mixed_bfloat16; repeatable.")] = None) -> None:
    """Images a second of resnet18's training step: ours, Keras as it comes, and plain PyTorch."""
    from kcifar.checks import expect_choice
    from kcifar.engine.backend import load_backend

    for name in precision or ():
        expect_choice("--precision", name, ("float32", "mixed_bfloat16"))
    from kcifar.benchmarks.pytorch import compare, load_torch

    load_torch()
    load_backend()
    from kcifar.benchmarks.table import show_table

    show_table("Training step, resnet18, batch 64", compare(precision or ["float32", "mixed_bfloat16"], repeats))


if __name__ == "__main__":
    run_app(app)
