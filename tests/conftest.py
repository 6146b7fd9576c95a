"""Settings and recipes that the tests share. Nothing here touches the user's caches or needs the network."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from tiny_recipe import RECIPE_TEXT, tiny_recipe

settings.register_profile("kcifar", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("kcifar")

# Files that take minutes, the longest first. They begin first, so that neither of the two processes waits for the other one at the end.
LONGEST_FILES = ("test_faults.py", "test_backends.py", "test_seeds.py", "test_saved_model.py", "test_update_reference.py", "test_api.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the longest files first; the others keep their order."""
    ranks = {name: rank for rank, name in enumerate(LONGEST_FILES)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))


@pytest.fixture(scope="session", autouse=True)
def private_caches(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep tests away from the user's own caches."""
    os.environ["KCIFAR_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    os.environ["KERAS_HOME"] = str(tmp_path_factory.mktemp("keras"))


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a finished run of the tiny recipe, trained once for all tests; they must not change it."""
    import kcifar

    return kcifar.train(tiny_recipe(), run=tmp_path_factory.mktemp("runs") / "tiny")


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    """Return a valid recipe file that a test may spoil."""
    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE_TEXT, encoding="utf-8")
    return path
