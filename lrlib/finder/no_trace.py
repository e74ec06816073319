"""The guard: whatever happens inside it, afterwards everything is what it was."""

import copy
import random
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer


@contextmanager
def no_trace(
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
