"""A learning-rate finder that leaves no trace, for any model, optimizer and loader.

A learning-rate range test trains for about a hundred steps while the rate rises from far too small
to far too large, and writes down the loss. Afterwards everything is what it was before.

Example:
    With your own `model` and a `DataLoader` named `loader`:

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> x = torch.randn(512, 4)
    >>> data = torch.utils.data.TensorDataset(x, x.argmax(dim=1))
    >>> loader = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True)
    >>> model = torch.nn.Linear(4, 4)

    five lines give a suggestion:

    >>> import torch
    >>> from lrlib import finder
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    >>> test = finder.range_test(model, optimizer, torch.nn.functional.cross_entropy, loader)
    >>> print(test.suggest())  # doctest: +ELLIPSIS
    0.6...
"""

import copy
import math
import os
import random
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from tqdm.auto import tqdm

from lrlib._interrupts import Interrupts
from lrlib.train import train_step

if TYPE_CHECKING:
    from matplotlib.axes import Axes

StepFunction = Callable[[Any, Any, Any, Any], float]

_FEWEST_POINTS = 30
# On flat curves of 30 to 300 noisy points the apparent fall stays below 5 times the noise.
_SMALLEST_FALL = 5.0


class _Descent(NamedTuple):
    lrs: np.ndarray
    loss: np.ndarray  # smoothed
    start: float
    bottom: int
    noise: float  # the standard deviation of one raw loss around the curve


@dataclass(frozen=True, eq=False)
class RangeTest:
    r"""The losses of a learning-rate range test, and what they suggest.

    Args:
        lrs: The learning rates, positive and rising, float64, shape (n,). With several parameter
            groups, the rates of the group with the largest one.
        losses: The raw loss of each step, before its update, float64, shape (n,).
        stopped: Why the test ended, a sentence.

    Raises:
        ValueError: The arrays do not fit each other, or the rates are not positive and rising.

    Example:
        >>> lrs = np.geomspace(1e-5, 10, 100)
        >>> losses = 2.3 - 1.5 / (1 + (0.001 / lrs) ** 2) + lrs**2
        >>> test = RangeTest(lrs, losses, "completed: all 100 rates were tried")
        >>> for method in ("halfway", "steepest", "valley", "minimum/10"):
        ...     print(f"{method}: {test.suggest(method):.2g}")
        halfway: 0.027
        steepest: 0.001
        valley: 0.0015
        minimum/10: 0.0035
    """

    lrs: np.ndarray
    losses: np.ndarray
    stopped: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "lrs", np.asarray(self.lrs, dtype=float))
        object.__setattr__(self, "losses", np.asarray(self.losses, dtype=float))
        if self.lrs.ndim != 1 or self.lrs.shape != self.losses.shape:
            raise ValueError(
                "lrs and losses must be one-dimensional and equally long, got the shapes "
                f"{self.lrs.shape} and {self.losses.shape}; pass one loss for each rate"
            )
        if not (np.all(self.lrs > 0) and np.all(np.diff(self.lrs) > 0)):
            raise ValueError("lrs must be positive and rising; sort the points by their rate")

    def suggest(self, method: str = "halfway") -> float:
        r"""Suggest a learning rate from the curve; nothing is set.

        Let :math:`x` be the logarithm of the rate and :math:`L(x)` the smoothed loss. It falls from
        :math:`L_0`, the median of the raw losses over the first tenth of the range of :math:`x`,
        to its smallest value :math:`L_{\min}` at :math:`x_{\min}`.

        - "halfway" is the middle of the valley at half of its depth: the median of the :math:`x`
          where :math:`L(x) < (L_0 + L_{\min}) / 2`. Where the loss is still low at the last rate,
          the valley ends there and the answer depends on it: test with a larger `end_lr`.
        - "steepest" is the middle of the steepest part: the median of the :math:`x \le x_{\min}`
          where :math:`L'(x) \le 0.8 \min L'`.
        - "valley" is two thirds of the way along the descent: :math:`(x_a + 2 x_b) / 3`, where
          :math:`x_a \le x_{\min}` is the last with less than a tenth of the fall done, and
          :math:`x_b` the first with nine tenths done.
        - "minimum/10" is a tenth of the rate at the minimum, where that is the median of the
          :math:`x` at which :math:`L(x) - L_{\min}` is within the noise of one raw loss.

        Smoothing takes the median, then a weighted mean, of a window of about a tenth of the
        points around each. The windows are centred, so that the curve is not shifted.

        Args:
            method: "halfway", "steepest", "valley" or "minimum/10".

        Returns:
            The learning rate, a float.

        Raises:
            ValueError: The method is unknown, or there is no descent to read: fewer than 30 finite
                points, or a fall of the loss that is not more than 5 times its noise.

        Source:
            "halfway" is lrlib's own. The others are readings of `steep`, `valley` and `minimum` in
            fastai's `lr_find` (Howard and Gugger 2020) that noise moves little. fastai's valley is
            the longest descending subsequence of the raw losses; here its ends are marked by the
            fall itself, and the two thirds are those of fastai's documentation.
        """
        if method not in _METHODS:
            raise ValueError(f"method must be one of {', '.join(_METHODS)}, got {method!r}")
        return _METHODS[method](self._descent())

    def plot(self, ax: "Axes") -> "Axes":
        """Draw the raw and the smoothed losses, and mark the four suggestions.

        Where there is no descent to read, the reason is written instead.

        Args:
            ax: Where to draw.

        Returns:
            The axes that were passed.

        Example:
            >>> from lrlib import plots
            >>> lrs = np.geomspace(1e-5, 10, 100)
            >>> figure, (ax,) = plots.panels()
            >>> ax = RangeTest(lrs, 2 - lrs**0.2 + lrs**2, "completed").plot(ax)
            >>> ax.get_xlabel()
            'learning rate (log scale)'
        """
        from lrlib.plots import PALETTE  # here, so that a test alone needs no matplotlib

        lrs, losses = self._finite()
        ax.plot(lrs, losses, ".", color=PALETTE["grey"], markersize=3, label="raw loss")
        ax.set_xscale("log")
        ax.set(xlabel="learning rate (log scale)", ylabel="training loss")
        try:
            curve = self._descent()
        except ValueError as reason:
            text = f"No suggestion: {reason}"
            ax.text(0.02, 0.02, text, transform=ax.transAxes, size=8, wrap=True)
            return ax
        ax.plot(lrs, curve.loss, color=PALETTE["blue"], label="smoothed loss")
        # Hollow and of four sizes: rules that agree do not hide each other.
        colours = ("orange", "green", "red", "purple")
        marks = zip(_METHODS, "os^D", colours, (6, 9, 12, 15), strict=True)
        for method, marker, colour, size in marks:
            lr = self.suggest(method)
            height = np.interp(math.log(lr), np.log(lrs), curve.loss)
            label = f"{method}: {lr:.2g}"
            (mark,) = ax.plot(lr, height, marker, color=PALETTE[colour], ms=size, label=label)
            mark.set(fillstyle="none", markeredgewidth=1.8)
        # The end of a test that diverged is far above everything one wants to see.
        bottom = min(losses.min(), curve.loss[curve.bottom])
        depth = curve.start - bottom
        ax.set_ylim(bottom - 0.1 * depth, min(losses.max(), bottom + 2 * depth) + 0.1 * depth)
        ax.legend(frameon=False, fontsize=8)
        return ax

    def _finite(self) -> tuple[np.ndarray, np.ndarray]:
        finite = np.isfinite(self.losses)
        return self.lrs[finite], self.losses[finite]

    def _descent(self) -> _Descent:
        lrs, losses = self._finite()
        count = len(losses)
        if count < _FEWEST_POINTS:
            raise ValueError(
                f"a suggestion needs at least {_FEWEST_POINTS} finite losses, got {count}; take "
                "more steps, or a smaller end_lr if the loss blew up"
            )
        loss = _smooth(losses)
        bottom = int(loss.argmin())
        first_tenth = int(np.searchsorted(lrs, lrs[0] ** 0.9 * lrs[-1] ** 0.1))
        start = float(np.median(losses[: max(7, first_tenth)]))
        # Neighbours differ by two draws of the noise; what comes after the bottom is no noise.
        differences = np.abs(np.diff(losses[: max(bottom + 1, count // 2)]))
        noise = float(1.4826 * np.median(differences) / math.sqrt(2))
        fall = start - float(loss[bottom])
        if not fall > _SMALLEST_FALL * noise:
            raise ValueError(
                f"the loss falls by {max(fall, 0.0):.3g} from its start, where its noise is "
                f"{noise:.3g}, and a fall must be more than {_SMALLEST_FALL:g} times the noise; "
                "look at the plot, then try another range of rates or larger batches"
            )
        return _Descent(lrs, loss, start, bottom, noise)


def _smooth(losses: np.ndarray) -> np.ndarray:
    reach = max(3, len(losses) // 20)
    width = 2 * reach + 1
    # Padding with the median of an end lets no spike at the end through.
    padded = np.pad(losses, reach, mode="median", stat_length=width)
    return _weighted_mean(np.median(sliding_window_view(padded, width), axis=-1), reach)


def _weighted_mean(values: np.ndarray, reach: int) -> np.ndarray:
    weights = np.hanning(2 * reach + 3)[1:-1]
    windows = sliding_window_view(np.pad(values, reach, mode="reflect"), 2 * reach + 1)
    return windows @ (weights / weights.sum())


def _middle(lrs: np.ndarray, chosen: np.ndarray) -> float:
    """Return the median of the chosen rates on the logarithmic axis, whatever their spacing."""
    x = np.log(lrs)
    weights = np.gradient(x) * chosen
    return math.exp(np.interp(weights.sum() / 2, np.cumsum(weights) - weights / 2, x))


def _halfway(curve: _Descent) -> float:
    return _middle(curve.lrs, curve.loss < (curve.start + curve.loss[curve.bottom]) / 2)


def _steepest(curve: _Descent) -> float:
    # A slope is noisier than a value: it is taken from a curve that is smoothed once more.
    smoother = _weighted_mean(curve.loss, len(curve.loss) // 12)
    slope = np.gradient(smoother, np.log(curve.lrs))
    slope[curve.bottom + 1 :] = 0.0
    return _middle(curve.lrs, slope <= 0.8 * slope.min())


def _valley(curve: _Descent) -> float:
    descent, bottom = curve.loss[: curve.bottom + 1], curve.loss[curve.bottom]
    tenth = (curve.start - bottom) / 10
    before = np.flatnonzero(descent >= curve.start - tenth)
    begin = int(before[-1]) if len(before) else 0
    end = int(np.argmax(descent <= bottom + tenth))
    return math.exp((math.log(curve.lrs[begin]) + 2 * math.log(curve.lrs[end])) / 3)


def _minimum(curve: _Descent) -> float:
    return _middle(curve.lrs, curve.loss <= curve.loss[curve.bottom] + curve.noise) / 10


_METHODS: dict[str, Callable[[_Descent], float]] = {
    "halfway": _halfway,
    "steepest": _steepest,
    "valley": _valley,
    "minimum/10": _minimum,
}


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
    step_fn: StepFunction = train_step,
    also: Iterable[Any] = (),
) -> RangeTest:
    r"""Train with a rising learning rate, write down the loss, and leave no trace.

    .. math::
        \eta_i = \eta_0 \left(\frac{\eta_{n-1}}{\eta_0}\right)^{i / (n - 1)}
        \quad \text{or} \quad
        \eta_i = \eta_0 + (\eta_{n-1} - \eta_0) \frac{i}{n - 1}, \qquad i = 0, \dots, n - 1

    The test ends early at a loss that is not finite, which is dropped, or when the smoothed loss
    passes 4 times its best (for a best below zero: rises by 3 times its size). This smoothing is
    an exponential average, weight 0.9, corrected for its start; it decides on nothing else.

    Afterwards these are bit for bit what they were, also after an exception or Ctrl-C, which are
    passed on: parameters, buffers, gradients, train and eval modes and other attributes of the
    modules; the optimizer with its state; the random generators of torch, CUDA, numpy, Python and
    the loader. During the test the model is in train mode, and gradients start from None.

    Args:
        model: The model. It stays where it is; batches must be on its device.
        optimizer: Its parameter groups keep the ratios of their learning rates.
        loss_fn: Handed to `step_fn`; `None` where that needs none.
        loader: Batches, such as a `DataLoader` or a list. It is started again when it runs out.
        start_lr: The first rate :math:`\eta_0`, positive, of the group with the largest rate.
        end_lr: The last rate :math:`\eta_{n-1}`, above `start_lr`.
        steps: The number of rates :math:`n`, at least 2; a suggestion needs 30 or more.
        mode: "exponential" or "linear".
        step_fn: `step_fn(model, optimizer, loss_fn, batch)` makes one step and returns its loss, a
            float. Write your own for batches that are not (x, y), a model that computes its own
            loss, gradient accumulation, or mixed precision.
        also: Other objects that `step_fn` changes, such as a `GradScaler`, a module or a
            scheduler. They too are afterwards what they were.

    Returns:
        The learning rates and the losses, and why the test ended.

    Raises:
        ValueError: An argument is out of range, the optimizer has no positive rate, a lazy module
            has not seen a batch yet, or the loader is empty or cannot be started again.

    Source:
        Smith (2017), section 3.3, for the test; fastai's `lr_find` for the exponential form and
        the factor 4.

    Example:
        >>> model = torch.nn.Linear(1, 1)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> batches = [(torch.ones(8, 1), torch.zeros(8, 1))]
        >>> test = range_test(
        ...     model, optimizer, torch.nn.functional.mse_loss, batches, end_lr=0.1, steps=5
        ... )
        >>> test.lrs
        array([1.e-05, 1.e-04, 1.e-03, 1.e-02, 1.e-01])
        >>> test.stopped
        'completed: all 5 rates were tried'
        >>> optimizer.param_groups[0]["lr"]
        0.1
    """
    lrs = _grid(start_lr, end_lr, steps, mode)
    ratios = _lr_ratios(optimizer)
    losses: list[float] = []
    stopped = f"completed: all {steps} rates were tried"
    average, best = 0.0, math.inf
    bar = tqdm(total=steps, unit="step", leave=False, disable=bool(os.environ.get("LRLIB_STATIC")))
    interrupts = Interrupts()
    guard = _no_trace(model, optimizer, loss_fn, loader, list(also))
    with bar, interrupts, guard, torch.enable_grad():
        try:
            interrupts.let_through()
            model.train()
            for lr, batch in zip(lrs.tolist(), _forever(loader), strict=False):
                _set_lr(optimizer, lr, ratios)
                loss = float(step_fn(model, optimizer, loss_fn, batch))
                bar.update()
                if not math.isfinite(loss):
                    stopped = f"the loss was {loss} at the learning rate {lr:.3g}; it is left out"
                    break
                losses.append(loss)
                average = 0.9 * average + 0.1 * loss
                smoothed = average / (1 - 0.9 ** len(losses))
                best = min(best, smoothed)
                if smoothed > best + 3 * abs(best):
                    stopped = (
                        f"diverged at the learning rate {lr:.3g}: the smoothed loss, "
                        f"{smoothed:.3g}, passed 4 times its best, {best:.3g}"
                    )
                    break
        finally:
            interrupts.held = True
    return RangeTest(lrs[: len(losses)], np.array(losses), stopped)


def _grid(start_lr: float, end_lr: float, steps: int, mode: str) -> np.ndarray:
    if not 0 < start_lr < end_lr < math.inf:
        raise ValueError(
            "the rates must fulfil 0 < start_lr < end_lr < infinity, got "
            f"start_lr={start_lr!r} and end_lr={end_lr!r}"
        )
    if not isinstance(steps, int) or steps < 2:
        raise ValueError(f"steps must be a whole number, at least 2, got {steps!r}; try 100")
    if mode == "exponential":
        return np.geomspace(start_lr, end_lr, steps)
    if mode == "linear":
        return np.linspace(start_lr, end_lr, steps)
    raise ValueError(f"mode must be 'exponential' or 'linear', got {mode!r}")


def _lr_ratios(optimizer: Optimizer) -> list[float]:
    rates = [float(group.get("lr") or 0.0) for group in optimizer.param_groups]
    peak = max(rates, default=0.0)
    if not 0 < peak < math.inf:
        raise ValueError(
            "the optimizer needs a parameter group with a positive, finite lr, got the rates "
            f"{rates}; a warm-up that starts at zero must be attached after the test"
        )
    return [rate / peak for rate in rates]


def _set_lr(optimizer: Optimizer, lr: float, ratios: list[float]) -> None:
    for group, ratio in zip(optimizer.param_groups, ratios, strict=True):
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(lr * ratio)
        else:
            group["lr"] = lr * ratio


def _forever(loader: Iterable[Any]) -> Iterator[Any]:
    total = 0
    while True:
        before = total
        for batch in loader:
            total += 1
            yield batch
        if total == 0:
            raise ValueError("the loader gave no batch; check its data and its batch size")
        if total == before:
            raise ValueError(
                f"the loader ran out after {total} batches and cannot be started again; pass a "
                "DataLoader or a list of batches instead of an iterator, or fewer steps"
            )


@contextmanager
def _no_trace(
    model: nn.Module, optimizer: Optimizer, loss_fn: Any, loader: Any, also: list[Any]
) -> Iterator[None]:
    """Undo what happens in the block, whichever way it ends: the last thing kept comes back first.

    What can be exchanged is put aside, and the block works on a copy. What others may hold by
    reference, the tensors of the modules, is copied and written back.
    """
    roots = [part for part in (model, loss_fn, *also) if isinstance(part, nn.Module)]
    modules = list(dict.fromkeys(module for root in roots for module in root.modules()))
    in_modules = [p for module in modules for p in module.parameters(recurse=False)]
    groups = [g for thing in (optimizer, *also) for g in getattr(thing, "param_groups", ())]
    in_groups = [p for group in groups for p in group["params"]]
    parameters = list(dict.fromkeys([*in_modules, *in_groups]))
    if any(is_lazy(parameter) for parameter in parameters):
        raise ValueError("a lazy module has no parameters yet; call the model on one batch first")
    for thing in also:
        if not hasattr(thing, "__dict__"):
            raise ValueError(f"also takes objects such as a GradScaler, got {thing!r}")
    with ExitStack() as undo:
        _keep_generators(undo, loader)
        for module in modules:
            own = [value for value in vars(module).values() if isinstance(value, Tensor)]
            for tensor in (*module.buffers(recurse=False), *own):
                _keep_values(undo, tensor)
            for names in (vars(module), module._parameters, module._buffers):
                if isinstance(names, dict):  # a scripted module guards its own
                    undo.callback(_put_back, names, dict(names))
            undo.callback(setattr, module, "training", module.training)
        for parameter in parameters:
            _keep_values(undo, parameter)
            undo.callback(setattr, parameter, "grad", parameter.grad)
            parameter.grad = None
        shared = {id(thing): thing for thing in (*modules, *parameters, optimizer, *also)}
        for thing in (optimizer, *(other for other in also if not isinstance(other, nn.Module))):
            kept = dict(vars(thing))
            undo.callback(_put_back, vars(thing), kept)
            # The hooks of an optimizer may hold anything; its steps change these two alone.
            changing = {name: kept[name] for name in ("state", "param_groups") if name in kept}
            vars(thing).update(copy.deepcopy(changing or kept, dict(shared)))
        yield


def _keep_generators(undo: ExitStack, loader: Any) -> None:
    undo.callback(torch.set_rng_state, torch.get_rng_state())
    if torch.cuda.is_initialized():
        undo.callback(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())
    undo.callback(np.random.set_state, np.random.get_state())  # noqa: NPY002
    undo.callback(random.setstate, random.getstate())
    batch_sampler = getattr(loader, "batch_sampler", None)
    samplers = (getattr(loader, "sampler", None), getattr(batch_sampler, "sampler", None))
    for part in (loader, getattr(loader, "dataset", None), batch_sampler, *samplers):
        attributes = getattr(part, "__dict__", {})
        undo.callback(_put_back, attributes, dict(attributes))
        for value in attributes.values():
            if isinstance(value, torch.Generator):
                undo.callback(value.set_state, value.get_state())
            elif isinstance(value, np.random.Generator):
                bits = value.bit_generator
                undo.callback(setattr, bits, "state", bits.state)
            elif isinstance(value, random.Random):
                undo.callback(value.setstate, value.getstate())
    if getattr(loader, "_iterator", None) is not None:
        vars(loader)["_iterator"] = None  # persistent workers hold generators: the test has its own


def _keep_values(undo: ExitStack, tensor: Tensor) -> None:
    if tensor.layout == torch.strided:
        steps = zip(tensor.stride(), tensor.shape, strict=True)
        if any(stride == 0 and size > 1 for stride, size in steps):
            return  # torch refuses to write to an expanded tensor, so it cannot change
    undo.callback(_write_back, tensor, tensor.detach().clone())


def _write_back(tensor: Tensor, values: Tensor) -> None:
    with torch.no_grad():
        tensor.copy_(values)


def _put_back(names: MutableMapping[str, Any], kept: dict[str, Any]) -> None:
    names.clear()
    names.update(kept)
