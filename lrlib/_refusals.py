"""What `fit` refuses before it changes anything."""

import inspect
import math
import warnings
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from lrlib._given import described, listed, require_no_closure
from lrlib.history import plural
from lrlib.images import Splits, require_images


def require_kinds(model: Any, optimizer: Any, splits: Any, on_step: Any) -> None:
    """Refuse what isn't of the kind that is trained, trains, is learned, or watches."""
    if not isinstance(model, nn.Module):
        raise ValueError(
            f"model must be a torch.nn.Module, got {described(model)}; pass an object of one, such "
            "as lrlib.model.small_cnn()"
        )
    if not isinstance(getattr(optimizer, "param_groups", None), list):
        raise ValueError(
            f"optimizer must be one of torch.optim, got {described(optimizer)}; make one, such as "
            "torch.optim.SGD(model.parameters(), lr=0.1)"
        )
    require_no_closure(
        optimizer, "fit passes it none: write your own loop, with a step that passes one"
    )
    if isinstance(splits, type) or not (hasattr(splits, "train") and hasattr(splits, "val")):
        raise ValueError(
            f"splits must be data.Splits, got {described(splits)}; data.load() returns them, and "
            "images of your own go into data.Splits"
        )
    if on_step is not None and not callable(on_step):
        raise ValueError(
            f"on_step must be a function of the history, got {described(on_step)}; leave it out "
            "where nothing is to be called"
        )


def require_epochs(epochs: int) -> None:
    if not isinstance(epochs, Integral) or isinstance(epochs, bool) or epochs < 1:
        raise ValueError(
            f"epochs must be a whole number, at least 1, got {epochs}; pass how many passes to make"
        )


def require_labelled_images(splits: Splits) -> None:
    """Only what `fit` uses: the test images are left alone."""
    parts = {"splits.train": splits.train, "splits.val": splits.val}
    for name, images in parts.items():
        require_images(images, name)
    if splits.train.x.device != splits.val.x.device:
        raise ValueError(
            "the training and the validation images must be on one device, got "
            f"{splits.train.x.device} and {splits.val.x.device}; move one of them"
        )
    ranges = torch.stack([torch.stack(images.y.aminmax()) for images in parts.values()])
    classes = len(splits.classes)
    for name, (lowest, highest) in zip(parts, ranges.tolist(), strict=True):  # a GPU waits once
        if lowest < 0 or highest >= classes:
            raise ValueError(
                f"the labels of {name} must be from 0 to {classes - 1}, one for each of the "
                f"{classes} classes, got {lowest} to {highest}; "
                "number the classes from 0, and name each in splits.classes"
            )


def require_rates(optimizer: Optimizer) -> None:
    for number, group in enumerate(optimizer.param_groups):
        # A scheduler keeps the rate it was given in initial_lr; the present one may be zero.
        lr = float(group.get("initial_lr", group["lr"]))
        if not 0 < lr < math.inf:
            raise ValueError(
                f"the learning rate must be positive and finite, got {lr} in parameter group "
                f"{number}; pass another lr to the optimizer"
            )
    require_no_ascent(optimizer, 0)


def require_no_ascent(optimizer: Optimizer, step: int) -> None:
    """Refuse a step at rates that climb the loss or that are none; a rate of zero may be meant."""
    for number, group in enumerate(optimizer.param_groups):
        if not 0 <= float(group["lr"]) < math.inf:
            raise ValueError(
                f"the learning rate must be finite and not negative, got {float(group['lr']):g} in "
                f"parameter group {number} at step {step}, which was not made; change what sets "
                "it, such as the function of a LambdaLR"
            )


def require_parameters(model: nn.Module, optimizer: Optimizer) -> list[Tensor]:
    """Return what will be trained: it is in the model and in the optimizer, and not frozen."""
    held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    own = {id(parameter) for parameter in model.parameters()}
    shared = [parameter for parameter in held if id(parameter) in own]
    if not shared:
        raise ValueError(
            f"the optimizer must hold parameters of the model, got {plural(len(held), 'tensor')} "
            f"in it and none of them among the model's {len(own)}, so nothing would be trained; "
            "make it from the parameters() of the model that is passed to fit. A copy, such as an "
            "AveragedModel, has parameters of its own: train the model, then update the copy"
        )
    trained = [parameter for parameter in shared if parameter.requires_grad]
    if not trained:
        raise ValueError(
            "the optimizer must hold parameters that can be trained, got "
            f"{plural(len(shared), 'parameter')} of the model, each with requires_grad=False; "
            "call requires_grad_(True) on the layers to train"
        )
    return trained


def without_influence(logits: Tensor, trained: list[Tensor]) -> list[Tensor]:
    """Return those parameters that the model's output can't be followed back to."""
    if not logits.requires_grad:
        return trained
    gradients = torch.autograd.grad(logits.sum(), trained, allow_unused=True)
    return [p for p, gradient in zip(trained, gradients, strict=True) if gradient is None]


def require_influence(model: nn.Module, trained: list[Tensor], cut_off: list[Tensor]) -> None:
    """Refuse an optimizer none of whose parameters gets a gradient, and warn of some that don't."""
    if len(cut_off) == len(trained):
        raise ValueError(
            "the optimizer must hold parameters that the model's output depends on, got "
            f"{plural(len(trained), 'parameter')} of the model that its forward does not use, or "
            "cuts off by detach(), no_grad() or numpy, so nothing would be trained; pass the "
            "parameters of the layers that are used, and take out what cuts them off"
        )
    if cut_off:
        names = {id(parameter): name for name, parameter in model.named_parameters()}
        stay = listed([names[id(parameter)] for parameter in cut_off])
        warnings.warn(
            f"the model's output doesn't depend on {stay}, which the optimizer holds, so training "
            "leaves them as they are; look for detach(), no_grad() or numpy in forward, or leave "
            "them out of the optimizer",
            stacklevel=4,  # whoever calls fit
        )


def require_scheduler(scheduler: Any, optimizer: Optimizer) -> None:
    made = not isinstance(scheduler, type)
    if not (made and hasattr(scheduler, "optimizer") and hasattr(scheduler, "step")):
        of_torch = not made and issubclass(scheduler, LRScheduler)
        way = (
            f"{scheduler.__name__}(optimizer, ...)" if of_torch else "LambdaLR(optimizer, schedule)"
        )
        raise ValueError(
            f"scheduler must be a scheduler of torch on the optimizer, got {described(scheduler)}; "
            f"make one: {way}"
        )
    if scheduler.optimizer is not optimizer:
        raise ValueError(
            "the scheduler belongs to another optimizer, so it would change nothing here; "
            "make it from the optimizer that is passed to fit"
        )
    if isinstance(scheduler, ReduceLROnPlateau):
        if scheduler.mode != "min":
            raise ValueError(
                "a ReduceLROnPlateau in fit must have mode='min', since it is stepped with the "
                f"validation loss, which should fall, got mode={scheduler.mode!r}; "
                "leave mode out"
            )
        return
    try:
        inspect.signature(scheduler.step).bind()
    except TypeError as error:
        raise ValueError(
            "a scheduler in fit must have a step() without arguments, which comes after every "
            f"optimizer step, got {type(scheduler).__name__}: {error}; pass a LambdaLR of a "
            "function of the step, or write the loop with train_step"
        ) from error


def require_logits(logits: Tensor, splits: Splits) -> None:
    """Refuse an output for two images that does not fit the classes."""
    expected = (2, len(splits.classes))
    if tuple(logits.shape) != expected:
        raise ValueError(
            f"the model's output for two images has shape {tuple(logits.shape)}, expected "
            f"{expected}: one logit for each of the {len(splits.classes)} classes; "
            "change the size of its last layer"
        )
