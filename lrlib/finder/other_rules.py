"""Rules of other libraries, as these compute them: each on its own smoothing and its own cuts.

Each takes the rates and raw losses of a test, and how many steps it was to have. They answer on
flat curves too, since their libraries do. Where a library rounds to float32, so do these.

A library ends its test where its own smoothed loss diverges. A loss that is not a number ends no
test: fastai and Lightning go on and leave out what follows, and so do these.
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
    diverged = np.r_[False, smoothed[1:] > 4 * np.minimum.accumulate(smoothed)[:-1]]
    part = _kept(diverged, planned, 10, 1)
    _expect("Lightning", smoothed[part], 2)
    x, y = (torch.tensor(values[part], dtype=torch.float32) for values in (lrs, smoothed))
    (slope,) = torch.gradient(y, spacing=[x])
    return float(lrs[part][slope.argmin()])


def torch_lr_finder(lrs: np.ndarray, losses: np.ndarray, planned: int) -> float:
    """Where the smoothed loss falls most from one point to the next."""
    smoothed = np.array(losses)
    for i in range(1, len(losses)):
        smoothed[i] = 0.05 * losses[i] + 0.95 * smoothed[i - 1]
    part = _kept(smoothed > 5 * np.minimum.accumulate(smoothed), planned, 10, 5)
    lrs, smoothed = lrs[part], smoothed[part]
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
    smoothed = torch.tensor(means).numpy()
    diverged = smoothed > 4 * np.minimum.accumulate(smoothed)
    part = _kept(diverged, planned, planned // 10, 5)
    _expect("fastai", smoothed[part], at_least)
    return lrs[part].astype(np.float32), smoothed[part]


def _kept(diverged: np.ndarray, planned: int, start: int, cut: int) -> slice:
    """Return the points that are left of a library's test, without some at its start and its end.

    It ends at the first point that diverged. If none did, it has all its steps, and its cut falls
    on steps that may be missing here.
    """
    made = int(diverged.argmax()) + 1 if diverged.any() else planned
    return slice(start, max(made - cut, start))


def _expect(library: str, losses: np.ndarray, at_least: int) -> None:
    if len(losses) < at_least:
        raise ValueError(
            f"{library} leaves {len(losses)} points of this curve, where its rule needs "
            f"{at_least}; take more steps, or a smaller end_lr"
        )
