"""`python -m kcifar.bench`: measurements on this machine, each contender against its rivals."""

from pathlib import Path
from typing import Annotated

import typer

from kcifar.core.command import new_app

app = new_app(__doc__ or "")
Repeats = Annotated[int, typer.Option(min=1, max=1000, help="Turns of each contender.")]
RecipeFile = Annotated[Path, typer.Argument(metavar="RECIPE", help="The recipe, a YAML file.")]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="KEY.PATH=VALUE", help="Replace a value of the recipe; repeatable.")]
Imports = Annotated[list[Path] | None, typer.Option("--import", metavar="FILE.py", help="Register your own networks, augmentations, data sets.")]


@app.command()
def train(
    repeats: Repeats = 3, precision: Annotated[list[str] | None, typer.Option(help="float32, mixed_bfloat16, mixed_float16; repeatable.")] = None
) -> None:
    """Images a second of the trainer, of plain fit on one resident batch, and of ImageDataGenerator into fit."""
    from kcifar.core.checks import expect_choice
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
    from kcifar.core.checks import expect_choice
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
    from kcifar.core.checks import expect_choice
    from kcifar.engine.backend import load_backend

    for name in precision or ():
        expect_choice("--precision", name, ("float32", "mixed_bfloat16"))
    from kcifar.benchmarks.pytorch import compare, load_torch

    load_torch()
    load_backend()
    from kcifar.benchmarks.table import show_table

    show_table("Training step, resnet18, batch 64", compare(precision or ["float32", "mixed_bfloat16"], repeats))


@app.command()
def step(
    recipe: RecipeFile,
    precision: Annotated[
        list[str] | None,
        typer.Option(help="float32, mixed_bfloat16, mixed_float16; repeatable.  [default: float32, the automatic one, the recipe's]"),
    ] = None,
    batch_size: Annotated[
        list[int] | None, typer.Option(min=1, max=16_384, help="Images a batch; repeatable.  [default: the recipe's, 64, 256, 1024]")
    ] = None,
    backend: Annotated[list[str] | None, typer.Option(help="tensorflow, jax, torch; repeatable.  [default: those installed]")] = None,
    image_size: Annotated[int | None, typer.Option(min=1, max=1024, help="Height and width.  [default: the data set's, else 32]")] = None,
    classes: Annotated[int | None, typer.Option(min=2, max=100_000, help="Of the data set.  [default: the data set's, else 10]")] = None,
    set_: Settings = None,
    import_: Imports = None,
    repeats: Repeats = 3,
) -> None:
    """What to train a recipe with here: images a second of its updates by backend, precision and batch size.

    Whole updates of the recipe's first stage, by the driver that trains runs, on random images: no data set is read. Each backend runs in a
    process of its own; what would take too long is left out, and a note says so. Compilation is apart. `gigaflops` counts 6 operations a
    multiply-accumulate of the forward pass; `share_of_peak` is its share of the fastest matrix product or convolution measured here in the same
    precision; `times_convolutions` is an update's time over that of its convolutions alone, forward and backward, each measured by itself.
    """
    from kcifar.api import import_parts
    from kcifar.benchmarks import step as benchmark
    from kcifar.benchmarks.advice import advice
    from kcifar.benchmarks.synthetic import image_kind
    from kcifar.benchmarks.table import show_table_from
    from kcifar.benchmarks.updates import Request
    from kcifar.core.checks import expect_choice
    from kcifar.engine.backend import BACKENDS, PRECISIONS
    from kcifar.planning.plan import make_plan
    from kcifar.recipe.load import load_recipe

    for option, names, choices in (("--precision", precision, PRECISIONS), ("--backend", backend, BACKENDS)):
        for name in names or ():
            expect_choice(option, name, choices)
    backends = list(dict.fromkeys(backend or benchmark.installed_backends()))
    benchmark.check_installed(backends)
    import_parts(import_)
    plan = make_plan(load_recipe(recipe, set_ or ()))
    own, kind = plan.stages[0].settings.batch_size, image_kind(plan, image_size, classes)
    sizes = sorted(set(batch_size or (own, *benchmark.BATCH_SIZES)))
    request = Request(plan.to_dict(), kind, list(dict.fromkeys(precision or ())), sizes, repeats)
    measured = benchmark.compare(request, backends, import_ or ())
    title = f"Training updates of {plan.recipe.name}, stage {plan.stages[0].name}: {plan.model.name}, {kind}"
    show_table_from(title, benchmark.table(measured), measured.environments)
    print("\n" + "\n".join([*measured.notes(), f"advice: {advice(measured.speeds(), benchmark.present_setting(measured, own))}"]))


@app.command("step-of-one-backend", hidden=True)
def step_of_one_backend() -> None:
    """Measure what `step` asks for on standard input, under KERAS_BACKEND: one process has one backend."""
    import json
    import sys

    from kcifar.api import import_parts
    from kcifar.benchmarks.step import answer

    question = json.load(sys.stdin)
    import_parts([Path(path) for path in question["imports"]])
    answer(question["request"])


@app.command("time-to-accuracy")
def time_to_accuracy(
    recipe: RecipeFile,
    target: Annotated[float, typer.Option(help="Validation accuracy, a fraction.")],
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="How many, from the recipe's own seed upward.")] = 3,
    data: Annotated[Path | None, typer.Option(help="The data set's files, as for training.")] = None,
    run: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the runs go: <recipe name>-seed<N>.")] = Path("runs/time-to-accuracy"),
    set_: Settings = None,
    import_: Imports = None,
) -> None:
    """Seconds and epochs to a validation accuracy, over several seeds of a recipe.

    Each seed is trained by kcifar.train in a process of its own, into a run folder that stays; a finished run is not trained again, an
    interrupted one is gone on with. Runs are not stopped at the target: schedules are made for their whole length. `seconds` sums training and
    validation up to the first epoch that reached the target; start-up and reading the data are not in it. The test part is not read
    (python -m kcifar.evaluate reads it). Exit code 0 whether seeds reached the target or not: that is the result.
    """
    from kcifar.api import import_parts
    from kcifar.benchmarks import time_to_accuracy as benchmark
    from kcifar.benchmarks.table import show_table_from
    from kcifar.engine.backend import check_backend
    from kcifar.runs.run import open_run

    benchmark.check_target(target)
    check_backend()
    import_parts(import_)
    jobs = benchmark.seed_jobs(recipe, set_ or (), seeds, run, data)
    for job in jobs:
        code = benchmark.train(job, recipe, set_ or (), import_ or ())
        if code:
            raise typer.Exit(code)
    runs = {job.plan.recipe.document.seed: open_run(job.folder.path) for job in jobs}
    rows = {seed: benchmark.measure(saved.history, target) for seed, saved in runs.items()}
    title = f"Time to a validation accuracy of {target:g}: {jobs[0].plan.recipe.name}, runs in {run}"
    show_table_from(title, benchmark.shown(benchmark.table(rows)), [saved.environment for saved in runs.values()])
    print(f"\n{benchmark.verdict(rows, target)}")
