"""The learning-rate range test: which rates train a model, read from a hundred steps.

With a model, a loss function and a loader of your own:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    test = finder.range_test(model, optimizer, loss_fn, loader)
    test.plot()
    print(test.suggest())

Afterwards the model, the optimizer and every random generator are what they were.
"""

import contextlib
import copy
import itertools
import math
import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from tqdm.auto import tqdm

from lrlib import train

if TYPE_CHECKING:
    from matplotlib.axes import Axes

StepFunction = Callable[[nn.Module, Optimizer, Any, Any], float]
METHODS = ("halfway", "steepest", "valley", "minimum/10")
_FEWEST_POINTS = 30
_DROP_IN_NOISE = 5.0


@dataclass(frozen=True, eq=False)
class RangeTest:
    r"""What a range test saw: the loss of each step and the rate that the step used.

    Pictures and suggestions read a smoothed loss :math:`s`: a centred median, which ignores single
    spikes, then a centred mean. Centred means that the curve is not shifted.

    Args:
        lrs: The learning rates, rising, positive, float64, shape (points,).
        losses: The raw training losses before each update, float64, shape (points,).
        stopped: Why the test ended, a sentence.

    Source:
        Smith (2017), section 3.3.

    Example:
        >>> lrs = np.geomspace(1e-5, 1, 101)
        >>> losses = 2.3 - 1 / (1 + (1e-3 / lrs) ** 4) + (lrs / 0.3) ** 4
        >>> test = RangeTest(lrs, losses, "completed")
        >>> [f"{test.suggest(method):.1g}" for method in ("steepest", "minimum/10")]
        ['0.001', '0.002']
    """

    lrs: np.ndarray
    losses: np.ndarray
    stopped: str

    @property
    def smooth(self) -> np.ndarray:
        """The smoothed losses, float64, shape (points,)."""
        half = max(3, len(self.losses) // 20)
        ends = min(2 * half + 1, len(self.losses))
        padded = np.pad(self.losses, half, mode="median", stat_length=ends)
        return _centred_mean(np.median(_windows(padded, half), axis=1), half)

    def suggest(self, method: str = "halfway") -> float:
        r"""Read one learning rate off the curve.

        With the loss at the start :math:`s_0`, its minimum :math:`s_m` at the rate :math:`\eta_m`,
        and :math:`x = \log \eta`:

        - "halfway": the middle in :math:`x` of the rates where :math:`s < (s_0 + s_m) / 2`, those
          at which at least half of the fall is there.
        - "steepest": where :math:`ds / dx` is lowest, before the minimum.
        - "valley": two thirds of the way in :math:`x` along the longest descent, which is the
          longest subsequence of falling values.
        - "minimum/10": :math:`\eta_m / 10`.

        Nothing is set: pass the rate to a new optimizer yourself.

        Args:
            method: One of the four.

        Returns:
            A learning rate, a positive float.

        Raises:
            ValueError: `method` is none of the four, or the curve holds no descent to read: fewer
                than 30 finite points, or a fall of less than 5 standard deviations of the noise.

        Source:
            Smith (2017) for the test; fastai's `lr_find` for the last three rules.
        """
        rules = dict(zip(METHODS, (_halfway, _steepest, _valley, _minimum), strict=True))
        if method not in rules:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
        finite = np.isfinite(self.losses)
        curve = RangeTest(self.lrs[finite], self.losses[finite], self.stopped)
        noise = curve._check_descent()
        return rules[method](np.log(curve.lrs), curve.smooth, curve._start, noise)

    @property
    def _start(self) -> float:
        """The loss before the test has changed anything."""
        return float(np.median(self.losses[: max(7, len(self.losses) // 10)]))

    def _check_descent(self) -> float:
        count = len(self.losses)
        if count < _FEWEST_POINTS:
            raise ValueError(
                f"a suggestion needs at least {_FEWEST_POINTS} finite losses, got {count}; raise "
                "`steps`, or lower `end_lr` if the loss exploded early"
            )
        smooth = self.smooth
        until = max(int(smooth.argmin()) + 1, count // 2)
        # Neighbours differ by noise alone: the median of the differences ignores the few jumps.
        noise = 1.4826 * float(np.median(np.abs(np.diff(self.losses[:until])))) / math.sqrt(2)
        drop = self._start - float(smooth.min())
        if not drop > _DROP_IN_NOISE * noise:
            raise ValueError(
                f"the curve holds no descent to read: the loss falls by {drop:.3g} from "
                f"{self._start:.3g}, and its noise is {noise:.3g}; use a wider range of rates, "
                "more steps or larger batches, and look at the plot"
            )
        return noise

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the losses against the rates and mark the suggestions.

        A rule that finds no descent has no mark.

        Args:
            ax: Where to draw. `None` makes a new figure.

        Returns:
            The axes with the picture.
        """
        from lrlib.plots import PALETTE, panels

        if ax is None:
            _, (ax,) = panels()
        ax.plot(self.lrs, self.losses, ".", ms=4, color=PALETTE["grey"])
        ax.plot(self.lrs, self.smooth, color=PALETTE["green"])
        low, high = np.nanmin(self.losses), np.nanpercentile(self.losses, 95)
        top = high + 0.35 * (high - low)
        ax.set(xscale="log", xlabel="learning rate", ylabel="training loss", ylim=(None, top))
        for number, (method, colour) in enumerate(
            zip(METHODS, ("blue", "orange", "purple", "red"), strict=True)
        ):
            with contextlib.suppress(ValueError):  # a mark that cannot be read is left out
                rate = self.suggest(method)
                ax.axvline(rate, color=PALETTE[colour], lw=1.2, ls=(0, (4, 1 + number)))
                ax.annotate(
                    f"{method} {rate:.2g}",
                    (rate, 0.98 - 0.075 * number),
                    xycoords=("data", "axes fraction"),
                    xytext=(4, 0),
                    textcoords="offset points",
                    va="top",
                    size=9,
                    color=PALETTE[colour],
                )
        return ax


def _windows(padded: np.ndarray, half: int) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)


def _centred_mean(values: np.ndarray, half: int) -> np.ndarray:
    weights = np.hanning(2 * half + 3)[1:-1]
    # Reflecting about the end values continues a slope, so that the mean is not bent at the ends.
    padded = np.pad(values, half, mode="reflect", reflect_type="odd")
    return _windows(padded, half) @ (weights / weights.sum())


def _middle(x: np.ndarray, chosen: np.ndarray) -> float:
    """The rate in the middle, in log, of the chosen points."""
    return float(np.exp(np.median(x[chosen])))


def _halfway(x: np.ndarray, smooth: np.ndarray, start: float, noise: float) -> float:
    return _middle(x, smooth < (start + smooth.min()) / 2)


def _steepest(x: np.ndarray, smooth: np.ndarray, start: float, noise: float) -> float:
    slope = np.gradient(_centred_mean(smooth, len(smooth) // 10), x)
    slope[int(smooth.argmin()) + 1 :] = 0
    # Several points are nearly as steep as the steepest: their middle is steadier than one of them.
    return _middle(x, slope <= 0.7 * slope.min())


def _valley(x: np.ndarray, smooth: np.ndarray, start: float, noise: float) -> float:
    count = len(smooth)
    length, first = np.ones(count, dtype=int), np.arange(count)
    for i in range(1, count):
        higher = np.flatnonzero(smooth[:i] > smooth[i])
        if len(higher):
            best = higher[length[higher].argmax()]
            length[i], first[i] = length[best] + 1, first[best]
    last = int(length.argmax())
    return float(np.exp(x[first[last]] / 3 + 2 * x[last] / 3))


def _minimum(x: np.ndarray, smooth: np.ndarray, start: float, noise: float) -> float:
    # Within the noise any of the lowest points may be the lowest: their middle is steadier.
    return _middle(x, smooth <= smooth.min() + noise / 2) / 10


def range_test(
    model: nn.Module,
    optimizer: Optimizer,
    loss_fn: Any,
    loader: Iterable[Any],
    *,
    start_lr: float = 1e-5,
    end_lr: float = 10.0,
    steps: int = 100,
    mode: str = "exponential",
    also: Sequence[Any] = (),
    step_fn: StepFunction = train.train_step,
) -> RangeTest:
    r"""Train for a few steps at rising learning rates, then put everything back.

    .. math::
        \eta_t = \eta_0 (\eta_{n-1} / \eta_0)^{t / (n-1)} \quad \text{or} \quad
        \eta_t = \eta_0 + (\eta_{n-1} - \eta_0) \, t / (n-1), \qquad t = 0, \dots, n - 1

    The test stops early at a loss that is not finite, whose point is dropped, or when the mean of
    the last five losses is above 4 times its best.

    Whatever happens, an exception and Ctrl-C included, afterwards these are bit for bit what they
    were: parameters, buffers, gradients, train and eval modes, the optimizer's state and settings,
    and the random generators of torch, CUDA, numpy, Python and the loader.

    Args:
        model: The model to test. It is set to train mode for the test.
        optimizer: Holds the model's parameters. Several groups keep the ratios of their rates; the
            largest rate is the one that is tested.
        loss_fn: What `step_fn` gets as its loss function.
        loader: Batches, at least one. It is read again from its start as often as needed.
        start_lr: The first rate :math:`\eta_0`, positive.
        end_lr: The last rate :math:`\eta_{n-1}`, above `start_lr`.
        steps: How many steps :math:`n`, at least 2.
        mode: "exponential" or "linear", the first or the second formula.
        also: Further objects to put back, with `state_dict` and `load_state_dict`, such as a
            `torch.amp.GradScaler` that `step_fn` uses.
        step_fn: Makes one step and returns the loss, like `lrlib.train.train_step`. It gets each
            batch as the loader gives it.

    Returns:
        The rates and losses of the steps that were made.

    Raises:
        ValueError: A rate, `steps` or `mode` is out of range, or the loader has no batch left.

    Source:
        Smith (2017), section 3.3.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> x = torch.randn(256, 4)
        >>> batches = list(zip(x.split(32), x.sum(dim=1, keepdim=True).split(32)))
        >>> model = nn.Linear(4, 1)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> test = range_test(model, optimizer, nn.functional.mse_loss, batches)
        >>> 0.01 < test.suggest() < 1
        True
        >>> optimizer.param_groups[0]["lr"]
        0.1
    """
    grid = _grid(start_lr, end_lr, steps, mode)
    highest = max(float(group["lr"]) for group in optimizer.param_groups)
    if not 0 < highest < math.inf:
        raise ValueError(
            f"the optimizer's largest learning rate must be positive and finite, got {highest}: "
            "the groups keep the ratios of their rates"
        )
    ratios = [float(group["lr"]) / highest for group in optimizer.param_groups]
    losses: list[float] = []
    stopped = f"completed: all {steps} steps"
    bar = tqdm(
        zip(grid, _again_and_again(loader), strict=False),
        total=steps,
        unit="step",
        leave=False,
        disable=bool(os.environ.get("LRLIB_STATIC")),
    )
    with _no_trace(model, optimizer, loss_fn, loader, also), contextlib.closing(bar):
        model.train()
        for lr, batch in bar:
            for group, ratio in zip(optimizer.param_groups, ratios, strict=True):
                group["lr"] = lr * ratio
            loss = float(step_fn(model, optimizer, loss_fn, batch))
            if not math.isfinite(loss):
                stopped = f"the loss was {loss} at the rate {lr:.3g}; that point is dropped"
                break
            losses.append(loss)
            if _diverged(losses):
                stopped = f"diverged: at the rate {lr:.3g} the loss passed 4 times its best"
                break
    return RangeTest(grid[: len(losses)], np.array(losses), stopped)


def _grid(start_lr: float, end_lr: float, steps: int, mode: str) -> np.ndarray:
    if not 0 < start_lr < end_lr < math.inf:
        raise ValueError(
            f"the rates must satisfy 0 < start_lr < end_lr, got start_lr {start_lr} and "
            f"end_lr {end_lr}"
        )
    if steps < 2:
        raise ValueError(f"steps must be at least 2, both ends of the grid, got {steps}")
    if mode == "exponential":
        return np.geomspace(start_lr, end_lr, steps)
    if mode == "linear":
        return np.linspace(start_lr, end_lr, steps)
    raise ValueError(f"mode must be exponential or linear, got {mode!r}")


def _diverged(losses: list[float]) -> bool:
    if len(losses) < 5:
        return False
    means = np.convolve(losses, np.full(5, 0.2), mode="valid")
    best = float(means.min())
    return bool(means[-1] > best + 3 * abs(best))


def _again_and_again(loader: Iterable[Any]) -> Iterator[Any]:
    for number in itertools.count():
        batch = None
        for batch in loader:
            yield batch
        if batch is None:
            state = "is empty" if number == 0 else "can be read only once"
            raise ValueError(
                f"the loader {state}, and the test needs more batches; pass a DataLoader, a list, "
                "or anything else that starts again when it is iterated again"
            )


@contextlib.contextmanager
def _no_trace(
    model: nn.Module, optimizer: Optimizer, loss_fn: Any, loader: Any, also: Sequence[Any]
) -> Iterator[None]:
    """Whatever happens inside, afterwards everything is bit for bit what it was."""
    roots = [root for root in (model, loss_fn) if isinstance(root, nn.Module)]
    modules = [module for root in roots for module in root.modules()]
    restorers = [
        *(_restore_module(module) for module in modules),
        _restore_tensors(modules, optimizer),
        _restore_optimizer(optimizer),
        *(_restore_state(thing) for thing in also),
        *(_restore_generator(generator) for generator in _generators(loader)),
    ]
    # numpy's global generator is what many data sets still draw from.
    python, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        try:
            yield
        finally:
            for restore in restorers:
                restore()
            random.setstate(python)
            np.random.set_state(numpy_state)  # noqa: NPY002


Restore = Callable[[], object]


def _restore_module(module: nn.Module) -> Restore:
    training, buffers = module.training, dict(module._buffers)

    def restore() -> None:
        module.training = training
        # A step may put a new tensor in place of a buffer: the old object comes back.
        module._buffers.clear()
        module._buffers.update(buffers)

    return restore


def _restore_tensors(modules: list[nn.Module], optimizer: Optimizer) -> Restore:
    parameters: dict[Tensor, None] = {}
    for module in modules:
        parameters.update(dict.fromkeys(module.parameters(recurse=False)))
    for group in optimizer.param_groups:
        parameters.update(dict.fromkeys(group["params"]))
    buffers = [buffer for module in modules for buffer in module.buffers(recurse=False)]
    grads = {p: p.grad for p in parameters}
    changeable = [*parameters, *buffers, *(grad for grad in grads.values() if grad is not None)]
    copies = [tensor.detach().clone() for tensor in changeable]

    def restore() -> None:
        with torch.no_grad():
            for tensor, value in zip(changeable, copies, strict=True):
                tensor.copy_(value)
        for parameter, grad in grads.items():
            parameter.grad = grad

    return restore


def _restore_optimizer(optimizer: Optimizer) -> Restore:
    state = {parameter: copy.deepcopy(values) for parameter, values in optimizer.state.items()}
    settings = [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
    # A scheduler marks that a step was made, to warn of a wrong order. The test's steps must not
    # count, or the warning would stay silent.
    called = vars(optimizer).get("_opt_called")

    def restore() -> None:
        optimizer.state.clear()
        optimizer.state.update(state)
        for group, before in zip(optimizer.param_groups, settings, strict=True):
            for key in group.keys() - before.keys() - {"params"}:
                del group[key]
            group.update(before)
        if called is None:
            vars(optimizer).pop("_opt_called", None)
        else:
            vars(optimizer)["_opt_called"] = called

    return restore


def _restore_state(thing: Any) -> Restore:
    state = copy.deepcopy(thing.state_dict())
    return partial(thing.load_state_dict, state)


def _generators(loader: Any) -> list[Any]:
    """The random generators that a loader and its parts hold."""
    batch_sampler = getattr(loader, "batch_sampler", None)
    parts = [
        loader,
        getattr(loader, "dataset", None),
        getattr(loader, "sampler", None),
        batch_sampler,
        getattr(batch_sampler, "sampler", None),
    ]
    kinds = (torch.Generator, np.random.Generator, random.Random)
    held = [value for part in parts for value in getattr(part, "__dict__", {}).values()]
    return list({id(value): value for value in held if isinstance(value, kinds)}.values())


def _restore_generator(generator: Any) -> Restore:
    if isinstance(generator, torch.Generator):
        return partial(generator.set_state, generator.get_state())
    if isinstance(generator, random.Random):
        return partial(generator.setstate, generator.getstate())
    return partial(setattr, generator.bit_generator, "state", generator.bit_generator.state)
