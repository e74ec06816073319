"""The strategies of the study, one row each: an optimizer, and a schedule of its learning rate."""

from collections.abc import Callable
from dataclasses import dataclass

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from lrlib import schedules
from lrlib.schedules import Schedule

# A shape makes a schedule from the steps of the whole run and those of the warm-up that it has.
Shape = Callable[[int, int], Schedule]


def _fixed(steps: int, warmup: int) -> Schedule:
    return _after(warmup, schedules.Fixed())


def _step_decay(steps: int, warmup: int) -> Schedule:
    """Divide by 10 at half and at three quarters of the run."""
    parts = (schedules.Fixed(1.0), schedules.Fixed(0.1), schedules.Fixed(0.01))
    drops = (steps // 2 - warmup, steps * 3 // 4 - warmup)
    return _after(warmup, schedules.Join(parts, drops))


def _exponential_to_tenth(steps: int, warmup: int) -> Schedule:
    return _after(warmup, schedules.ExponentialDecay(steps - warmup, floor=0.1))


def _exponential_to_hundredth(steps: int, warmup: int) -> Schedule:
    return _after(warmup, schedules.ExponentialDecay(steps - warmup, floor=0.01))


def _cosine(steps: int, warmup: int) -> Schedule:
    return _after(warmup, schedules.CosineAnnealing(steps - warmup))


def _linear(steps: int, warmup: int) -> Schedule:
    return _after(warmup, schedules.Linear(steps - warmup))


def _hold_then_linear(steps: int, warmup: int) -> Schedule:
    """Fall in a straight line over the last fifth of the run."""
    fall = steps // 5
    parts = (schedules.Fixed(), schedules.Linear(fall))
    return _after(warmup, schedules.Join(parts, (steps - warmup - fall,)))


def _after(warmup: int, then: Schedule) -> Schedule:
    return schedules.Warmup(warmup, then=then) if warmup else then


def _warm_restarts(steps: int, warmup: int) -> Schedule:
    """Anneal twice, the second time for twice as long."""
    first = steps // 3
    parts = (schedules.CosineAnnealing(first), schedules.CosineAnnealing(steps - first))
    return schedules.Join(parts, (first,))


def _triangular2(steps: int, warmup: int) -> Schedule:
    """Rise and fall three times, to half the height each time."""
    return schedules.Cyclical(half_cycle=steps / 6, floor=0.1, shrink=0.5)


def _one_cycle(steps: int, warmup: int) -> Schedule:
    return schedules.OneCycle(steps)


@dataclass(frozen=True)
class Strategy:
    """One strategy of the study.

    Args:
        label: What figures and tables call it.
        colour: A name of `lrlib.plots.PALETTE`.
        line: How figures draw it, in matplotlib's words. Those of one figure differ in both.
        optimizer: A key of `lrlib.evidence.optimizers.OPTIMIZERS`.
        shape: What the rate does; `None` for `ReduceLROnPlateau`, which looks at the validation
            loss.
        warm: Whether the rate rises in a straight line over the first tenth of the run.
    """

    label: str
    colour: str
    line: str
    optimizer: str
    shape: Shape | None
    warm: bool = False

    def schedule(self, steps: int) -> Schedule:
        """Make the schedule of a run of so many steps."""
        if self.shape is None:
            raise ValueError(f"{self.label} has no schedule before the run: it waits for plateaus")
        return self.shape(steps, steps // 10 if self.warm else 0)

    def scheduler(self, optimizer: Optimizer, steps: int) -> LRScheduler:
        """Make what sets the rates: stepped after each step, or for a plateau when judged."""
        if self.shape is None:
            return ReduceLROnPlateau(optimizer, factor=0.1, patience=1)
        return LambdaLR(optimizer, self.schedule(steps))


STRATEGIES = {
    # SGD from its peak
    "fixed": Strategy("fixed", "grey", "-", "SGD", _fixed),
    "step": Strategy("step decay", "blue", "-.", "SGD", _step_decay),
    "exponential": Strategy("exponential decay", "teal", ":", "SGD", _exponential_to_hundredth),
    "exponential-tenth": Strategy(
        "exponential decay to a tenth", "teal", "--", "SGD", _exponential_to_tenth
    ),
    "cosine": Strategy("cosine", "orange", "--", "SGD", _cosine),
    "restarts": Strategy("cosine, warm restarts", "blue", ":", "SGD", _warm_restarts),
    "triangular2": Strategy("cyclical (triangular2)", "purple", ":", "SGD", _triangular2),
    "one-cycle": Strategy("one-cycle", "green", "-.", "SGD", _one_cycle),
    "linear": Strategy("linear to zero", "brown", "-.", "SGD", _linear),
    "hold-linear": Strategy("hold, then linear", "orange", ":", "SGD", _hold_then_linear),
    "plateau": Strategy("lowered on plateaus", "grey", "--", "SGD", None),
    # SGD after a warm-up
    "warmup-fixed": Strategy("warm-up + fixed", "grey", "-.", "SGD", _fixed, warm=True),
    "warmup-step": Strategy("warm-up + step decay", "blue", "-", "SGD", _step_decay, warm=True),
    "warmup-exponential": Strategy(
        "warm-up + exponential", "teal", "-", "SGD", _exponential_to_hundredth, warm=True
    ),
    "warmup-exponential-tenth": Strategy(
        "warm-up + exponential to a tenth", "teal", "-.", "SGD", _exponential_to_tenth, warm=True
    ),
    "warmup-cosine": Strategy("warm-up + cosine", "red", "-", "SGD", _cosine, warm=True),
    "warmup-linear": Strategy("warm-up + linear", "brown", "-", "SGD", _linear, warm=True),
    "wsd": Strategy("warm-up–stable–decay", "pink", ":", "SGD", _hold_then_linear, warm=True),
    # Adaptive optimizers
    "adagrad": Strategy("AdaGrad", "brown", ":", "Adagrad", _fixed),
    "rmsprop": Strategy("RMSprop", "blue", "--", "RMSprop", _fixed),
    "adagrad-warmup-cosine": Strategy(
        "AdaGrad + warm-up + cosine", "brown", "--", "Adagrad", _cosine, warm=True
    ),
    "rmsprop-warmup-cosine": Strategy(
        "RMSprop + warm-up + cosine", "grey", ":", "RMSprop", _cosine, warm=True
    ),
    "adam": Strategy("Adam", "pink", "-", "Adam", _fixed),
    "sparse-adam": Strategy("SparseAdam", "pink", "--", "SparseAdam", _fixed),
    "adamw": Strategy("AdamW", "purple", "-.", "AdamW", _fixed),
    "adamw-cosine": Strategy("AdamW + cosine", "green", ":", "AdamW", _cosine),
    "adamw-linear": Strategy("AdamW + linear", "pink", "-.", "AdamW", _linear),
    "adamw-hold-linear": Strategy(
        "AdamW + hold, then linear", "purple", "--", "AdamW", _hold_then_linear
    ),
    "adamw-warmup-fixed": Strategy("AdamW + warm-up", "orange", "-.", "AdamW", _fixed, warm=True),
    "adamw-warmup-cosine": Strategy(
        "AdamW + warm-up + cosine", "red", "--", "AdamW", _cosine, warm=True
    ),
    "adamw-warmup-linear": Strategy(
        "AdamW + warm-up + linear", "purple", "-", "AdamW", _linear, warm=True
    ),
    "adamw-wsd": Strategy(
        "AdamW + warm-up–stable–decay", "red", "-.", "AdamW", _hold_then_linear, warm=True
    ),
    # Asked for now
    "schedule-free": Strategy("schedule-free AdamW", "green", "-", "ScheduleFree", _fixed, True),
    "prodigy": Strategy("Prodigy", "green", "--", "Prodigy", _fixed),
    "prodigy-cosine": Strategy("Prodigy + cosine", "red", ":", "Prodigy", _cosine),
    "muon-warmup-fixed": Strategy("Muon + warm-up", "orange", "-", "Muon", _fixed, warm=True),
    "muon-warmup-cosine": Strategy(
        "Muon + warm-up + cosine", "brown", "--", "Muon", _cosine, warm=True
    ),
}
