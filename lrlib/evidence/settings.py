"""The settings of the study, one row each: a task, a network, a batch size, and lengths of runs."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from lrlib import model
from lrlib.evidence import tasks
from lrlib.evidence.strategies import STRATEGIES
from lrlib.evidence.tasks import Task
from lrlib.history import plural
from lrlib.shallow import shallow_cnn
from lrlib.skip_gram import SkipGram
from lrlib.transformer import SmallTransformer

_EPOCH = 351  # whole batches of 128 in 45,000 images


@dataclass(frozen=True)
class Setting:
    """Where the strategies are compared.

    Args:
        label: What figures and tables call it.
        short: The same where there is little room.
        caption: What it is, for captions; `{length}` stands for the length of the run.
        task: Loads what is learned.
        network: Makes a network, from the name of an optimizer.
        batch_size: Examples in a batch.
        judged_every: Steps between two looks at the validation data.
        unit: What so many steps are called: "epoch", or "" where they have no name.
        lengths: Steps of a run, by the name of the length.
        strategies: Keys of `STRATEGIES` by the name of the length, the most telling ones first.
        rates: The first grid of peak rates, by strategy, or else by optimizer; a factor of 2 apart.
        weight_decay: By optimizer; 0 where none is named.
        measure: "accuracy", a fraction, or "loss".
        chance: What guessing reaches.
        searched: The names of two lengths at which the finder's suggestions are judged.
        refined: How many of the best rates of a grid get two more tuning seeds.
        weight_decays: The strategies whose weight decay is tuned too, at the length "long".
        fresh: How many seeds a strategy is evaluated with; more where runs are short and differ.
    """

    label: str
    short: str
    caption: str
    task: Callable[[], Task]
    network: Callable[[str], nn.Module]
    batch_size: int
    judged_every: int
    unit: str
    lengths: Mapping[str, int]
    strategies: Mapping[str, Sequence[str]]
    rates: Mapping[str, Sequence[float]]
    weight_decay: Mapping[str, float]
    measure: str
    chance: float
    searched: tuple[str, str] = ("brief", "long")
    refined: int = 3
    weight_decays: tuple[str, ...] = ()
    fresh: int = 10

    @property
    def guessing(self) -> float:
        """How well guessing does, as a score: the higher the better, so a loss counts negative."""
        return self.chance if self.measure == "accuracy" else -self.chance

    def first_rates(self, strategy: str) -> Sequence[float]:
        """The grid that a strategy is tuned on, before it grows."""
        named = self.rates.get(strategy)
        return self.rates[STRATEGIES[strategy].optimizer] if named is None else named

    def usual_weight_decay(self, strategy: str) -> float:
        """The weight decay that a strategy has where nothing else is said."""
        return self.weight_decay.get(STRATEGIES[strategy].optimizer, 0.0)

    def judgements(self, length: str) -> int:
        """How often a run is judged on validation data."""
        return self.lengths[length] // self.judged_every

    def length_in_words(self, length: str) -> str:
        """Say how long a run is, in epochs or in steps; no line breaks behind the number."""
        if self.unit:
            return plural(self.judgements(length), self.unit).replace(" ", "\u00a0")
        return f"{self.lengths[length]:,}\u00a0steps"

    def describe(self, length: str) -> str:
        """Name data, length, network and batch size, for captions."""
        caption = self.caption.format(length=self.length_in_words(length))
        return f"{caption}, batch {self.batch_size:,}"


def _rates(
    sgd: float,
    adagrad: float,
    rmsprop: float,
    adam: float,
    fixed: float | None = None,
    count: int = 5,
) -> dict[str, tuple[float, ...]]:
    """Make first grids from their lowest rates; a fixed rate may begin lower than other SGD."""
    lowest = {
        "fixed": sgd if fixed is None else fixed,
        "SGD": sgd,
        "Adagrad": adagrad,
        "RMSprop": rmsprop,
        **dict.fromkeys(("Adam", "AdamW", "SparseAdam", "ScheduleFree", "Muon"), adam),
        "Prodigy": 0.25,  # it multiplies what the optimizer finds by itself
    }
    return {
        name: tuple(first * 2**power for power in range(count)) for name, first in lowest.items()
    }


_FIRST_EDITION = (
    *("fixed", "step", "exponential", "cosine", "restarts", "triangular2", "one-cycle", "linear"),
    *("warmup-cosine", "wsd", "adagrad", "rmsprop", "adam", "adamw", "adamw-cosine"),
)
LEADING = (
    *("fixed", "warmup-fixed", "cosine", "warmup-cosine", "warmup-linear", "wsd"),
    *("adamw-cosine", "adamw-warmup-cosine"),
)
# What the finder's suggestions are judged by: each optimizer at a fixed and at a falling rate.
SEARCHED = (
    *("fixed", "warmup-cosine", "adamw", "adamw-warmup-cosine"),
    *("adagrad", "adagrad-warmup-cosine", "rmsprop", "rmsprop-warmup-cosine"),
)
_CROSSED = (
    *(*LEADING, "linear", "step", "hold-linear", "one-cycle", "warmup-step"),
    *("adamw", "adamw-warmup-fixed", "adamw-linear", "adamw-warmup-linear"),
    *("adamw-hold-linear", "adamw-wsd", "exponential-tenth", "exponential"),
    *("warmup-exponential-tenth", "warmup-exponential", "restarts", "triangular2"),
    *("adam", "adagrad", "rmsprop", "plateau"),
)
_SOME = (
    *(*LEADING, "linear", "one-cycle", "step", "hold-linear", "restarts", "exponential-tenth"),
    *("adamw", "adam", "adagrad", "rmsprop"),
)
_NEW = ("schedule-free", "prodigy", "prodigy-cosine")
_ALL_ALIKE = dict.fromkeys(("SGD", "Adagrad", "RMSprop", "Adam", "AdamW"), 0.0005)
# AdamW's decay is a rate of its own, not a part of the gradient: 0.01 is torch's default.
_DECOUPLED = dict.fromkeys(("AdamW", "ScheduleFree", "Prodigy", "Muon"), 0.01)
_OWN_SCALE = {**_ALL_ALIKE, **_DECOUPLED}
# What weight decays are tried where these are tuned.
WEIGHT_DECAYS = {"SGD": (0.0005, 0.002, 0.005), "AdamW": (0.0, 0.01, 0.1, 0.3)}

SETTINGS = {
    "sparse": Setting(
        label="word vectors",
        short="word vectors",
        caption="tiny Shakespeare, skip-grams × {length}",
        task=tasks.neighbours,
        network=lambda optimizer: SkipGram(3330, sparse=optimizer == "SparseAdam"),
        batch_size=256,
        judged_every=400,
        unit="",
        lengths={"brief": 800, "long": 4000},
        strategies={"long": (*_SOME, "sparse-adam", "plateau", *_NEW)},
        rates=_rates(sgd=1.0, adagrad=0.0125, rmsprop=0.001, adam=0.002),
        weight_decay=_DECOUPLED,
        measure="loss",
        chance=math.log(2),
    ),
    "small-data": Setting(
        label="2,000 images, shallow network",
        short="2,000 images",
        caption="CIFAR-10, 2,000 images × {length}, one convolution",
        task=lambda: tasks.images(2000),
        network=lambda optimizer: shallow_cnn(),
        batch_size=128,
        judged_every=78,
        unit="",
        lengths={"brief": 156, "long": 2 * _EPOCH},
        strategies={"long": (*_SOME, *_NEW)},
        rates=_rates(sgd=0.0125, adagrad=0.004, rmsprop=0.0005, adam=0.001),
        weight_decay=_OWN_SCALE,
        measure="accuracy",
        chance=0.1,
        fresh=30,
    ),
    "text": Setting(
        label="text, small transformer",
        short="text",
        caption="tiny Shakespeare × {length}, transformer of width 64",
        task=tasks.characters,
        network=lambda optimizer: SmallTransformer(65),
        batch_size=32,
        judged_every=100,
        unit="",
        lengths={"brief": 200, "long": 1000},
        strategies={"long": (*_CROSSED, *_NEW, "muon-warmup-fixed", "muon-warmup-cosine")},
        rates=_rates(sgd=0.0125, adagrad=0.01, rmsprop=0.0005, adam=0.001),
        weight_decay=_DECOUPLED,
        measure="loss",
        chance=math.log(65),
        weight_decays=("adamw-warmup-fixed", "adamw-cosine", "adamw-warmup-cosine"),
    ),
    "cnn-mean": Setting(
        label="CIFAR-10, mean-pooled network",
        short="mean-pooled",
        caption="CIFAR-10, 45,000 images × {length}, width 16, mean-pooled",
        task=tasks.images,
        network=lambda optimizer: model.small_cnn(head="mean"),
        batch_size=128,
        judged_every=_EPOCH,
        unit="epoch",
        lengths={
            **{"brief": _EPOCH, "short": 2 * _EPOCH},
            **{"long": 5 * _EPOCH, "longer": 15 * _EPOCH},
        },
        strategies={"long": (*_CROSSED, *_NEW), "short": LEADING, "longer": LEADING},
        rates=_rates(sgd=0.025, adagrad=0.004, rmsprop=0.0005, adam=0.001, fixed=0.00625),
        weight_decay=_OWN_SCALE,
        measure="accuracy",
        chance=0.1,
        searched=("brief", "short"),
        weight_decays=("fixed", "cosine", "warmup-cosine", "adamw-cosine", "adamw-warmup-cosine"),
    ),
    "large-batch": Setting(
        label="CIFAR-10, batches of 1,024",
        short="batch 1,024",
        caption="CIFAR-10, 45,000 images × {length}, width 16, mean-pooled",
        task=tasks.images,
        network=lambda optimizer: model.small_cnn(head="mean"),
        batch_size=1024,
        judged_every=43,
        unit="epoch",
        lengths={"brief": 2 * 43, "long": 5 * 43},
        strategies={"long": (*LEADING, "linear", "one-cycle", "adam")},
        rates=_rates(sgd=0.05, adagrad=0.004, rmsprop=0.0005, adam=0.002),
        weight_decay=_OWN_SCALE,
        measure="accuracy",
        chance=0.1,
    ),
    "cnn-max": Setting(
        label="CIFAR-10, max-pooled network",
        short="max-pooled",
        caption="CIFAR-10, 45,000 images × {length}, width 16",
        task=tasks.images,
        network=lambda optimizer: model.small_cnn(),
        batch_size=128,
        judged_every=_EPOCH,
        unit="epoch",
        lengths={"brief": _EPOCH, "short": 2 * _EPOCH, "long": 5 * _EPOCH},
        strategies={"short": _FIRST_EDITION, "long": _FIRST_EDITION},
        rates=_rates(
            sgd=0.0125, adagrad=0.004, rmsprop=0.00025, adam=0.0005, fixed=0.00625, count=7
        ),
        weight_decay=_ALL_ALIKE,
        measure="accuracy",
        chance=0.1,
        searched=("brief", "short"),
        refined=0,
    ),
}
