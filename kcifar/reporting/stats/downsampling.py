"""Long curves with fewer points: a running mean, and a line that looks the same."""

import numpy as np


def running_mean(values: np.ndarray, window: int, places: np.ndarray) -> np.ndarray:
    """Return the mean of the finite values in a centered window around each place, float64 (len(places),).

    The window of place k contains the `window` values from k - (window - 1) // 2 on, as far as they exist. Each mean is summed
    separately, so a huge value has no effect on windows that do not contain it.

    Args:
        values: Float (count,).
        window: > 0.
        places: Integer (n,), each in [0, count).
    Returns:
        NaN where the window contains no finite value.
    Example:
        >>> running_mean(np.array([1.0, 2.0, 6.0, np.nan]), 3, np.array([0, 1, 3]))
        array([1.5, 3. , 6. ])
    """
    begins = np.maximum(places - (window - 1) // 2, 0)
    ends = np.minimum(places - (window - 1) // 2 + window, len(values))
    return np.array([_average_finite(values[begin:end]) for begin, end in zip(begins, ends, strict=True)], np.float64)


def _average_finite(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    with np.errstate(over="ignore"):
        return float(finite.mean()) if len(finite) else np.nan


def downsample_m4(x: np.ndarray, y: np.ndarray, buckets: int) -> np.ndarray:
    """Return the places of the points that a line needs to look the same on few pixels, ascending, int64 (at most 4 x buckets,).

    These are all points if there are no more. Otherwise they are the first, last, lowest and highest point (the first of several) in each
    of `buckets` equal spans of x. A gap, which is a point whose y is not finite, may be lost if its span also contains finite points.

    Args:
        x: Float (count,), ascending, finite.
        y: Float (count,).
        buckets: > 0.
    Example:
        >>> downsample_m4(np.arange(6.0), np.array([3.0, 1.0, 9.0, 2.0, 2.0, 2.0]), 1)
        array([0, 1, 2, 5])

    Source: U. Jugel et al., M4: A Visualization-Oriented Time Series Data Aggregation, 2014.
    """
    if len(x) <= 4 * buckets:
        return np.arange(len(x))
    bucket = np.minimum((x - x[0]) / max(x[-1] - x[0], 1e-300) * buckets, buckets - 1).astype(np.int64)
    starts = np.flatnonzero(np.diff(bucket, prepend=-1))
    ends = np.append(starts[1:], len(x))
    places = [place for start, end in zip(starts.tolist(), ends.tolist(), strict=True) for place in (start, *_find_extremes(y, start, end), end - 1)]
    return np.unique(np.array(places, np.int64))


def _find_extremes(y: np.ndarray, start: int, end: int) -> tuple[int, ...]:
    span = y[start:end]
    return (start + int(np.nanargmin(span)), start + int(np.nanargmax(span))) if np.isfinite(span).any() else ()
