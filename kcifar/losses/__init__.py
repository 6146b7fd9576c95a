"""The registry of training losses: a stage's `loss: {name: …}`.

A loss is one registered function: `def name(targets, logits, *, …its own arguments)`, written with `keras.ops` alone. From float tensors
(batch, classes), each row of targets summing to 1, it returns the loss of each sample, (batch,), in nats, without penalties and class weights.
"""

from kcifar.core.registry import Registry

LOSSES = Registry("loss", "kcifar.losses", supplied=["targets", "logits"])
