"""The registry of training losses: a stage's `loss: {name: …}`.

A loss is one registered function: `def name(targets, logits, *, …its own arguments)`, pure `keras.ops`: float tensors (batch, classes),
each row of targets summing to 1, to the loss of each sample, (batch,), in nats. Penalties and class weights are none of its business.
"""

from kcifar.core.registry import Registry

LOSSES = Registry("loss", "kcifar.losses")
