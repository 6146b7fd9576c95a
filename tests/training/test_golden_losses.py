"""A loss trace that guards refactors: where results should not change, it must match.

Written with TensorFlow 2.21, Keras 3.15, NumPy 2.4 on an x86-64 processor, by printing `run.batches["loss"]` of the shared tiny run.
Initial weights, order, draws and dropout come from counter-based generators; other processors and versions sum in another order, which
four epochs amplify, so the tolerance grows from 1e-4 in the first rows to 2e-2 in the last. It was written anew twice, each time since a
kernel of TensorFlow's own sums in another order than Keras: of batch normalization (`kcifar/engine/tensorflow/layer_kernels.py`; 2.34794 instead of 2.34798
in the first row) and of Adam (`kcifar/engine/tensorflow/update_kernels.py`; the same in the first two rows, 2.03544 instead of 2.03546 in the third).
"""

import numpy as np

import kcifar

GOLDEN_LOSSES = [2.34794, 2.10759, 2.03544, 1.91441, 1.81381, 1.75173, 1.62292, 1.63924, 1.60573, 1.51894, 1.61884, 1.5312]


def test_the_losses_are_those_of_the_first_version(tiny_run: kcifar.Run) -> None:
    found = tiny_run.batches["loss"].to_numpy()
    assert len(found) == len(GOLDEN_LOSSES)
    relative = np.abs(found / np.array(GOLDEN_LOSSES) - 1)
    assert (relative <= np.geomspace(1e-4, 2e-2, len(found))).all(), found.tolist()
