"""Measure speeds on this machine, and compare kcifar with alternatives."""

from pathlib import Path
from typing import Annotated

import typer

from kcifar.core.command import make_app
from kcifar.core.options import Data, Imports, Settings

app = make_app(__doc__ or "")
Repeats = Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Number of measurements.")]
Batches = Annotated[int, typer.Option(min=1, max=100_000, metavar="N", help="Batches of 64 images per measurement.")]
Precisions = Annotated[list[str] | None, typer.Option("--precision", metavar="NAME", help="float32, mixed_bfloat16 or mixed_float16; repeatable.")]
RecipeFile = Annotated[Path, typer.Argument(metavar="RECIPE", help="The recipe: a YAML file, or the name of a shipped recipe.")]


@app.command(short_help="Compare kcifar's trainer with Keras fit.")
def train(repeats: Repeats = 3, precisions: Precisions = None) -> None:
    """Images per second of kcifar's trainer, plain Keras fit on one batch, and fit with ImageDataGenerator."""
    from kcifar.benchmarks.table import print_benchmark
    from kcifar.benchmarks.trainers import compare_trainers

    print_benchmark("Training, residual_cnn, batch 64", compare_trainers(precisions or (), repeats))


@app.command(short_help="Compare implementations of affine and flip.")
def augment(repeats: Repeats = 7, batches: Batches = 200) -> None:
    """Images per second of affine and flip: kcifar, ImageDataGenerator and Keras' random layers."""
    from kcifar.benchmarks.affine_and_flip import compare_affine_and_flip
    from kcifar.benchmarks.table import print_benchmark

    print_benchmark("Augmentation, batches of 64, 32x32x3", compare_affine_and_flip(batches, repeats))


@app.command(short_help="Measure each augmentation.")
def augmentations(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Registered augmentations.  [default: all]")] = None,
    repeats: Repeats = 7,
    batches: Batches = 200,
) -> None:
    """Images per second of each augmentation as training runs it, and of a plain cast of the same batches."""
    from kcifar.benchmarks.augmentations import measure_augmentations
    from kcifar.benchmarks.table import print_benchmark

    print_benchmark("Augmentations, batches of 64, 32x32x3", measure_augmentations(names or (), batches, repeats))


@app.command(short_help="Measure each network.")
def models(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Registered networks.  [default: all]")] = None,
    repeats: Repeats = 3,
    precision: Annotated[str, typer.Option(help="float32, mixed_bfloat16 or mixed_float16.")] = "float32",
) -> None:
    """Images per second of each network, forward and in training, and how that compares with its bare Keras layers."""
    from kcifar.benchmarks.networks import measure_networks
    from kcifar.benchmarks.table import print_benchmark

    print_benchmark(f"Networks, 32x32x3, 10 classes, {precision}", measure_networks(names or (), precision, repeats))


@app.command(short_help="Compare a training step with PyTorch.")
def torch(
    repeats: Repeats = 7,
    precisions: Annotated[list[str] | None, typer.Option("--precision", metavar="NAME", help="float32 or mixed_bfloat16; repeatable.")] = None,
) -> None:
    """Images per second of resnet18's training step: kcifar, unmodified Keras and plain PyTorch."""
    from kcifar.benchmarks.pytorch import compare_with_pytorch
    from kcifar.benchmarks.table import print_benchmark

    print_benchmark("Training step, resnet18, batch 64", compare_with_pytorch(precisions or (), repeats))


@app.command(short_help="Find the fastest settings for a recipe.")
def step(
    recipe: RecipeFile,
    precisions: Annotated[
        list[str] | None,
        typer.Option(
            "--precision",
            help="float32, mixed_bfloat16 or mixed_float16; repeatable.  [default: float32, the automatic precision and the recipe's]",
        ),
    ] = None,
    batch_sizes: Annotated[
        list[int] | None,
        typer.Option("--batch-size", min=1, max=16_384, metavar="N", help="Images per batch; repeatable.  [default: the recipe's, 64, 256 and 1024]"),
    ] = None,
    backends: Annotated[
        list[str] | None, typer.Option("--backend", metavar="NAME", help="tensorflow, jax or torch; repeatable.  [default: all that are installed]")
    ] = None,
    image_size: Annotated[int | None, typer.Option(min=1, max=1024, metavar="N", help="Height and width.  [default: the data set's, or 32]")] = None,
    classes: Annotated[int | None, typer.Option(min=2, max=100_000, metavar="N", help="Number of classes.  [default: the data set's, or 10]")] = None,
    set_: Settings = None,
    import_: Imports = None,
    repeats: Repeats = 3,
) -> None:
    """Find the fastest backend, precision and batch size for training a recipe on this machine.

    Measures complete updates of the recipe's first stage on random images, trained as in a run; no data set is read. Each backend runs in
    its own process. Combinations that would take too long are skipped, and a note says so. Compilation is measured separately.

    gigaflops: 6 operations per multiply-accumulate of the forward pass, per second. share_of_peak: gigaflops as a fraction of the fastest
    matrix product or convolution measured here in the same precision. times_convolutions: an update's time divided by that of its
    convolutions alone, forward and backward, each measured separately.
    """
    from kcifar.benchmarks.step import Choices, print_update_speeds
    from kcifar.core.user_parts import import_parts
    from kcifar.planning.plan import load_plan

    choices = Choices(backends or (), precisions or (), batch_sizes or (), image_size, classes, repeats)
    choices.check()
    import_parts(import_)
    print_update_speeds(load_plan(recipe, set_ or ()), choices, import_ or ())


@app.command("step-of-one-backend", hidden=True)
def step_of_one_backend() -> None:
    """Measure what `step` asks for on standard input, under KERAS_BACKEND: one process has one backend."""
    import json
    import sys

    from kcifar.benchmarks.step import answer_request
    from kcifar.core.user_parts import import_parts

    question = json.load(sys.stdin)
    import_parts([Path(path) for path in question["imports"]])
    answer_request(question["request"])


@app.command("time-to-accuracy", short_help="Measure the time to reach an accuracy.")
def time_to_accuracy(
    recipe: RecipeFile,
    target: Annotated[float, typer.Option(metavar="X", help="Validation accuracy to reach, a fraction such as 0.88.")],
    seeds: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="How many seeds, starting at the recipe's.")] = 3,
    data: Data = None,
    run: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the run folders go, <recipe name>-seed<N>.")] = Path("runs/time-to-accuracy"),
    set_: Settings = None,
    import_: Imports = None,
) -> None:
    """Measure the seconds and epochs until a recipe reaches a validation accuracy, over several seeds.

    Each seed is trained by kcifar.train in its own process, and its run folder is kept; finished runs are not trained again, interrupted
    ones are resumed. Runs do not stop at the target, since schedules span the complete run. The test split is not evaluated
    (python -m kcifar.evaluate does that). The exit code is 0 whether or not the target is reached.

    seconds: training and validation up to the first epoch that reaches the target, without start-up and loading the data.
    """
    from kcifar.benchmarks.time_to_accuracy import check_target, print_time_to_accuracy
    from kcifar.core.user_parts import import_parts

    check_target(target)
    import_parts(import_)
    overrides, imports = set_ or (), import_ or ()
    code = print_time_to_accuracy(recipe, target, seeds, overrides=overrides, imports=imports, data=data, folder=run)
    if code:
        raise typer.Exit(code)
