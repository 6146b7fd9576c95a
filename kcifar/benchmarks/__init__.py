"""Measurements that `python -m kcifar.bench` runs; contenders share a process wherever one process can run them all."""
