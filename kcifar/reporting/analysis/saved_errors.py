"""Whether the errors that a report shows, which are those whose images were saved, are the most confident ones of all."""

import numpy as np


def are_most_confident(shown: np.ndarray, every: np.ndarray) -> bool:
    """Whether no image of all has a higher confidence than one of the shown, other than the shown themselves.

    Args:
        shown: float (k,), confidences of some of the images, k >= 1.
        every: float (n,), confidences of all images, n >= k.
    Example:
        >>> are_most_confident(np.array([0.9, 0.7]), np.array([0.2, 0.7, 0.9])), are_most_confident(np.array([0.9, 0.2]), np.array([0.2, 0.7, 0.9]))
        (True, False)
    """
    return bool((every > shown.min()).sum() < len(shown))
