"""What a resumed run refuses, because its numbers would differ from those of an uninterrupted run: another backend, other data."""

from pathlib import Path

from kcifar.core.errors import UserError
from kcifar.core.option_names import name_option
from kcifar.datasets.dataset import Dataset
from kcifar.engine.backend import get_backend_name
from kcifar.planning.prepared_data import PreparedData
from kcifar.runs.folder import DATASET_FILE, ENVIRONMENT_FILE, read_json
from kcifar.training.request import TrainingRequest


def check_same_environment(request: TrainingRequest, data: Dataset | None) -> None:
    """Refuse to continue under another backend, or with files where the run began with arrays.

    Raises:
        UserError: One line.
    """
    if not request.resume:
        return
    folder = request.folder
    backend = (read_json(folder / ENVIRONMENT_FILE) or {}).get("backend", get_backend_name())
    if backend != get_backend_name():
        raise UserError(f"KERAS_BACKEND: {folder.path} began with {backend} and must continue with it; got {get_backend_name()}")
    name = (read_json(folder / DATASET_FILE) or {}).get("name", request.plan.dataset.name)
    if data is None and name != request.plan.dataset.name:
        raise UserError(
            f"{folder.path}: the run was given its data from Python (data set {name!r}); continue it with kcifar.train(run=…, data=…, resume=True)"
        )
    saved = (read_json(folder / DATASET_FILE) or {}).get("source", {}).get("data")
    if data is None and saved is not None and request.data == Path(saved):
        check_data_place(request.data, folder.path)


def check_data_place(data: Path, run: Path) -> None:
    """Refuse data that are no longer where a run found them.

    Args:
        data: Where the run found its files.
        run: The run folder.
    Raises:
        UserError: One line that says how to name their new place.
    """
    if not data.exists():
        raise UserError(f"{data}: the data that {run} was trained with are no longer there; name their new place with {name_option('data')}")


def check_same_data(request: TrainingRequest, data: PreparedData) -> None:
    """Refuse to continue with other images, or another split, than the run began with.

    Raises:
        UserError: One line.
    """
    saved = read_json(request.folder / DATASET_FILE) if request.resume else None
    for key, title in (("content_sha256", "images and labels"), ("split_sha256", "split")):
        if saved and saved.get(key) != data.description[key]:
            place = request.data or request.plan.dataset.name
            raise UserError(f"{place}: expected the {title} that {request.folder.path} began with, got others ({key} differs)")
