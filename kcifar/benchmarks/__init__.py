"""Measurements that `python -m kcifar.bench` runs; rivals share a process wherever one process can hold them."""
