"""What a run folder says about a run before its first epoch: data, network and environment."""

from kcifar.core.files import write_json
from kcifar.engine.backend import list_device_names
from kcifar.engine.training_loop import TrainingLoop
from kcifar.models.summary import summarize_model
from kcifar.planning.prepared_data import PreparedData
from kcifar.runs.folder import DATASET_FILE, ENVIRONMENT_FILE, MODEL_SUMMARY_FILE
from kcifar.runs.records import begin_records
from kcifar.training.environment import describe_environment
from kcifar.training.request import TrainingRequest


def write_description(request: TrainingRequest, data: PreparedData, loop: TrainingLoop, backend: str, precision: str) -> None:
    """Write `dataset.json`, `model.json` and `environment.json`, and start the append-only records.

    Args:
        request: Whose folder it is.
        data: The run's data.
        loop: Holds the network.
        backend: The Keras backend.
        precision: The dtype policy in use.
    """
    folder = request.folder
    source = {"data": str(request.data.absolute()) if request.data else None, "url": request.url}
    write_json(folder / DATASET_FILE, data.description | {"source": source})
    write_json(folder / MODEL_SUMMARY_FILE, summarize_model(loop.network))
    write_json(folder / ENVIRONMENT_FILE, describe_environment(backend, list_device_names(), precision, request.command))
    begin_records(folder)
