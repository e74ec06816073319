"""Rules of other libraries, as these compute them: each on its own smoothing and its own cuts.

Each takes the rates and raw losses of a test, and how many steps it was to have. They answer on
flat curves too, since their libraries do. Where a library rounds to float32, so do these.
"""

import numpy as np
import torch


def fastai_valley(lrs: np.ndarray, losses: np.ndarray, planned: int) -> float:
    """Half of the way along the longest falling subsequence."""
    lrs, losses = _fastai(lrs, losses, planned)
    lengths = [1] * len(losses)
    end = 0
    for i in range(1, len(losses)):
        before = [lengths[j] for j in range(i) if losses[i] < losses[j]]
        lengths[i] = 1 + max(before, default=0)
        if lengths[i] > lengths[end]:
            end = i
    # It counts the points of the subsequence back from its end, also where some lie between them.
    start = end - lengths[end] if end else 0
    third = (end - start) / 3
    return float(lrs[start + int(third) + int(third / 2)])


def fastai_slide(lrs: np.ndarray, losses: np.ndarray, planned: int) -> float:
    """Go back from the end until the slopes of points 15 apart differ by at most 0.005."""
    lrs, losses = _fastai(lrs, losses, planned, at_least=16)
    slope = np.gradient(losses)
    right, left = -1, -16
    found = lrs[left]
    while left >= -len(losses) and abs(slope[right] - slope[left]) > 0.005:
        found = lrs[left]
        right, left = right - 1, left - 1
    return float(found)


def fastai_minimum(lrs: np.ndarray, losses: np.ndarray, planned: int) -> float:
    """A tenth of the rate at the lowest smoothed loss."""
    lrs, losses = _fastai(lrs, losses, planned)
    return float(lrs[losses.argmin()]) / 10


def fastai_steep(lrs: np.ndarray, losses: np.ndarray, planned: int) -> float:
    """Where the smoothed loss falls most over the logarithm of the rate."""
    lrs, losses = _fastai(lrs, losses, planned)
    slope = np.diff(losses) / np.diff(torch.from_numpy(lrs).log().numpy())
    return float(lrs[slope.argmin()])


def lightning(lrs: np.ndarray, losses: np.ndarray, planned: int) -> float:
    """Where the smoothed loss falls most over the rate itself."""
    mean, means = 0.0, []
    for count, loss in enumerate(losses, start=1):
        mean = 0.98 * mean + 0.02 * loss
        means.append(mean / (1 - 0.98 ** (count + 1)))  # corrected as if there were one loss more
    smoothed = np.array(means)
    count = _end(np.r_[False, smoothed[1:] > 4 * np.minimum.accumulate(smoothed)[:-1]])
    part = slice(10, count - 1)
    _expect("Lightning", smoothed[part], 2)
    x, y = (torch.tensor(values[part], dtype=torch.float32) for values in (lrs, smoothed))
    (slope,) = torch.gradient(y, spacing=[x])
    return float(lrs[part][slope.argmin()])


def torch_lr_finder(lrs: np.ndarray, losses: np.ndarray, planned: int) -> float:
    """Where the smoothed loss falls most from one point to the next."""
    smoothed = np.array(losses)
    for i in range(1, len(losses)):
        smoothed[i] = 0.05 * losses[i] + 0.95 * smoothed[i - 1]
    count = _end(smoothed > 5 * np.minimum.accumulate(smoothed))
    lrs, smoothed = lrs[10 : count - 5], smoothed[10 : count - 5]
    _expect("torch-lr-finder", smoothed, 2)
    return float(lrs[np.gradient(smoothed).argmin()])


def _fastai(
    lrs: np.ndarray, losses: np.ndarray, planned: int, at_least: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Smooth the losses, stop where fastai stops, and cut the first tenth and the last five."""
    mean, means = torch.tensor(0.0), []
    for count, loss in enumerate(losses, start=1):
        mean = torch.lerp(torch.tensor(loss, dtype=torch.float32), mean, 0.98)
        means.append(mean / (1 - 0.98**count))
    smoothed = torch.stack(means).numpy()
    count = _end(smoothed > 4 * np.minimum.accumulate(smoothed))
    part = slice(planned // 10, count - 5)
    _expect("fastai", smoothed[part], at_least)
    return lrs[part].astype(np.float32), smoothed[part]


def _end(diverged: np.ndarray) -> int:
    """Return how many points there are up to the first one that diverged, which is kept."""
    return int(diverged.argmax()) + 1 if diverged.any() else len(diverged)


def _expect(library: str, losses: np.ndarray, at_least: int) -> None:
    if len(losses) < at_least:
        raise ValueError(
            f"{library} leaves {len(losses)} points of this curve, where its rule needs "
            f"{at_least}; take more steps, or a smaller end_lr"
        )
