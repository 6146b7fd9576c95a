"""Measurements that `python -m kcifar.bench` runs; each module compares ways of doing one thing, in one process."""
