"""The updates of a stage in plain NumPy, float64, written from the papers' formulas: what every backend must compute.

The network is two dense layers without an activation in between: logits = (x A + a) B + b, softmax cross-entropy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Weights = dict[str, np.ndarray]
Batch = tuple[np.ndarray, np.ndarray]  # inputs (samples, features), one-hot targets (samples, classes)


@dataclass
class ReferenceTraining:
    """Weights and the state of an optimizer, trained stage by stage.

    Attributes:
        weights: By path.
        slots: The optimizer's, by path and name.
        updates: Since the optimizer's state was reset.
    """

    weights: Weights
    slots: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    updates: int = 0

    def run_stage(self, settings: Mapping[str, Any], values: Mapping[str, np.ndarray], batches: list[Batch]) -> Weights:
        """Train a stage and return the weights that it leaves: averages, if it has any.

        Args:
            settings: The stage's keys, as in a recipe.
            values: The value of each schedule at each update of the stage.
            batches: Those left over from the last complete update change nothing.
        """
        if settings.get("optimizer_state") != "keep":
            self.slots, self.updates = {}, 0
        accumulate = settings.get("accumulate", 1)
        slow, mean = dict(self.weights), dict(self.weights)
        for first in range(0, len(batches) - accumulate + 1, accumulate):
            now = {name: table[first // accumulate] for name, table in values.items()}
            group = [compute_gradient(self.weights, batch, settings.get("sam")) for batch in batches[first : first + accumulate]]
            self._update(settings, now, clip(average(group), settings))
            done = first // accumulate + 1
            if "lookahead" in settings and done % settings["lookahead"]["every"] == 0:
                slow = blend(slow, self.weights, values["lookahead.keep"][done])
                self.weights = dict(slow)
            if "ema" in settings:
                warm = (1 + done) / (10 + done) if settings["ema"]["warm_up"] else 1.0
                mean = blend(mean, self.weights, min(settings["ema"]["decay"], warm))
        if "ema" in settings or "lookahead" in settings:
            self.weights = mean if "ema" in settings else slow
        return self.weights

    def _update(self, settings: Mapping[str, Any], now: Mapping[str, float], gradients: Weights) -> None:
        self.updates += 1
        for path, gradient in gradients.items():
            multiplier = now["rate_multipliers.0.value"] if "rate_multipliers" in settings and path.endswith("bias") else 1.0
            rate = now["learning_rate"] * multiplier
            weight = self.weights[path] * (1 - rate * now.get("weight_decay.value", 0.0))
            step = self._compute_step(path, weight, gradient, rate, settings["optimizer"], now.get("momentum"))
            if multiplier > 0:
                self.weights[path] = weight + step

    def _compute_step(self, path: str, weight: np.ndarray, gradient: np.ndarray, rate: float, optimizer: Mapping[str, Any], momentum: Any) -> Any:
        arguments = dict(optimizer)
        name = arguments.pop("name")
        if momentum is not None:
            arguments["momentum" if name in ("sgd", "muon") else "beta_1"] = momentum
        return STEPS[name](self, path, weight, gradient, rate, **arguments)

    def _average(self, path: str, name: str, keep: float, value: np.ndarray, add: float) -> np.ndarray:
        """Return keep x slot + add x value, and keep it."""
        self.slots[path, name] = keep * self.slots.get((path, name), np.zeros_like(value)) + add * value
        return self.slots[path, name]

    def step_as_sgd(self, path: str, weight: Any, gradient: Any, rate: float, *, momentum: float = 0.0, nesterov: bool = False) -> Any:
        """Sutskever et al., 2013, with the rate inside the velocity."""
        velocity = self._average(path, "velocity", momentum, gradient, -rate)
        return momentum * velocity - rate * gradient if nesterov else velocity

    def step_as_adam(
        self, path: str, weight: Any, gradient: Any, rate: float, *, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7
    ) -> Any:
        """Kingma, Ba, 2015, in the efficient order of section 2: epsilon is added before the bias correction."""
        mean = self._average(path, "mean", beta_1, gradient, 1 - beta_1)
        square = self._average(path, "square", beta_2, gradient**2, 1 - beta_2)
        correction = np.sqrt(1 - beta_2**self.updates) / (1 - beta_1**self.updates)
        return -rate * correction * mean / (np.sqrt(square) + epsilon)

    def step_as_lion(self, path: str, weight: Any, gradient: Any, rate: float, *, beta_1: float = 0.9, beta_2: float = 0.99) -> Any:
        """Chen et al., 2023, algorithm 2."""
        mean = self.slots.get((path, "mean"), np.zeros_like(gradient))
        self._average(path, "mean", beta_2, gradient, 1 - beta_2)
        return -rate * np.sign(beta_1 * mean + (1 - beta_1) * gradient)

    def step_as_muon(self, path: str, weight: Any, gradient: Any, rate: float, *, momentum: float, scale_kernels: bool, **others: Any) -> Any:
        """Jordan et al., 2024, for the hidden kernel; SGD with Nesterov momentum 0.9 for everything else."""
        if path != "hidden/kernel":
            return self.step_as_sgd(path, weight, gradient, rate * others["others_rate"], momentum=0.9, nesterov=True)
        velocity = self._average(path, "velocity", momentum, gradient, 1.0)
        scale = np.sqrt(weight.shape[-1]) / np.linalg.norm(weight) if scale_kernels else 1.0
        return weight * (scale - 1) - rate * orthogonalize(gradient + momentum * velocity)


STEPS: dict[str, Callable[..., Any]] = {
    "sgd": ReferenceTraining.step_as_sgd,
    "adam": ReferenceTraining.step_as_adam,
    "adamw": ReferenceTraining.step_as_adam,
    "lion": ReferenceTraining.step_as_lion,
    "muon": ReferenceTraining.step_as_muon,
}


def compute_gradient(weights: Weights, batch: Batch, radius: float | None) -> Weights:
    """Return the gradient of the batch's mean loss; with a radius at the worst point nearby (Foret et al., 2021, algorithm 1)."""
    inputs, targets = batch
    hidden = inputs @ weights["hidden/kernel"] + weights["hidden/bias"]
    logits = hidden @ weights["logits/kernel"] + weights["logits/bias"]
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    error = (exponentials / exponentials.sum(axis=1, keepdims=True) - targets) / len(targets)
    back = error @ weights["logits/kernel"].T
    gradient = {
        "hidden/kernel": inputs.T @ back,
        "hidden/bias": back.sum(axis=0),
        "logits/kernel": hidden.T @ error,
        "logits/bias": error.sum(axis=0),
    }
    if radius is None:
        return gradient
    scale = radius / compute_norm(gradient)
    return compute_gradient({path: weight + scale * gradient[path] for path, weight in weights.items()}, batch, None)


def clip(gradient: Weights, settings: Mapping[str, Any]) -> Weights:
    """Clip the entries, then the norm of everything together."""
    bound, length = settings.get("clip_value", np.inf), settings.get("clip_norm", np.inf)
    clipped = {path: np.clip(value, -bound, bound) for path, value in gradient.items()}
    scale = min(1.0, length / compute_norm(clipped))
    return {path: scale * value for path, value in clipped.items()}


def compute_norm(values: Weights) -> float:
    """Return the Euclidean norm of all entries together."""
    return float(np.sqrt(sum(np.sum(value**2) for value in values.values())))


def average(group: list[Weights]) -> Weights:
    """Return the mean of some gradients."""
    return {path: np.mean([gradient[path] for gradient in group], axis=0) for path in group[0]}


def blend(first: Weights, second: Weights, keep: float) -> Weights:
    """Return keep x first + (1 - keep) x second."""
    return {path: keep * value + (1 - keep) * second[path] for path, value in first.items()}


def orthogonalize(matrix: np.ndarray) -> np.ndarray:
    """Return five iterations of Muon's polynomial, applied to the singular values themselves."""
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    values = values / np.linalg.norm(values)
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    return np.asarray(left * values @ right)
