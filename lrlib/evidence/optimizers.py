"""The optimizers of the study, one row each: made for a model, with a rate and a weight decay."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from lrlib._extras import extra

Maker = Callable[[nn.Module, float, float], Optimizer]


def _nesterov(model: nn.Module, lr: float, weight_decay: float) -> Optimizer:
    return torch.optim.SGD(
        model.parameters(), lr=lr, momentum=0.9, nesterov=True, weight_decay=weight_decay
    )


def _of_torch(name: str) -> Maker:
    def make(model: nn.Module, lr: float, weight_decay: float) -> Optimizer:
        return getattr(torch.optim, name)(model.parameters(), lr=lr, weight_decay=weight_decay)

    return make


def _sparse_adam(model: nn.Module, lr: float, weight_decay: float) -> Optimizer:
    """It moves the rows of a batch alone, so it has no weight decay."""
    return torch.optim.SparseAdam(model.parameters(), lr=lr)


def _schedule_free(model: nn.Module, lr: float, weight_decay: float) -> Optimizer:
    """Its averaged weights are judged, so it is told when that is: see `lrlib.evidence.runs`."""
    with extra("test", "recording schedule-free AdamW"):
        from schedulefree import AdamWScheduleFree  # here: no reader needs it

    optimizer: Optimizer = AdamWScheduleFree(model.parameters(), lr=lr, weight_decay=weight_decay)
    optimizer.train()  # type: ignore[attr-defined]
    return optimizer


def _prodigy(model: nn.Module, lr: float, weight_decay: float) -> Optimizer:
    """It looks for the rate itself; what is given multiplies its own."""
    with extra("test", "recording Prodigy"):
        from prodigyopt import Prodigy  # here: no reader needs it

    optimizer: Optimizer = Prodigy(
        model.parameters(), lr=lr, weight_decay=weight_decay, safeguard_warmup=True
    )
    return optimizer


class _Together(Optimizer):
    """Several optimizers that step as one; they share their parameter groups with it."""

    def __init__(self, parts: Sequence[Optimizer]) -> None:
        groups = [group for part in parts for group in part.param_groups]
        super().__init__(groups, {})
        self.param_groups = groups
        self.parts = parts

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for part in self.parts:
            part.step()


def _muon(model: nn.Module, lr: float, weight_decay: float) -> Optimizer:
    """Muon for the matrices of all layers but the last, AdamW for the rest, at one rate."""
    linear = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    matrices = [layer.weight for layer in linear[:-1]]
    of_muon = {id(matrix) for matrix in matrices}
    rest = [parameter for parameter in model.parameters() if id(parameter) not in of_muon]
    muon = torch.optim.Muon(
        matrices, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
    )
    return _Together([muon, torch.optim.AdamW(rest, lr=lr, weight_decay=weight_decay)])


OPTIMIZERS: dict[str, Maker] = {
    "SGD": _nesterov,
    "SparseAdam": _sparse_adam,
    "ScheduleFree": _schedule_free,
    "Prodigy": _prodigy,
    "Muon": _muon,
    **{name: _of_torch(name) for name in ("Adagrad", "RMSprop", "Adam", "AdamW")},
}
