"""Plain PyTorch with gradient accumulation and mixed precision.

Four batches make a step of the optimizer, and the gradient scaler skips a
step if a gradient has overflowed. The schedule counts the steps that were
made.
"""

import numpy as np
import torch
from lrlib.finder import range_test
from lrlib.schedules import Linear, Warmup, lr_curve
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from small_task import examples, fresh_loss, network

EPOCHS, ACCUMULATE = 5, 4
model = network()
loader = DataLoader(examples(), batch_size=32, shuffle=True)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def loss_of(model, batch):
    x, y = batch
    with torch.autocast("cpu", torch.float16):  # "cuda" on a GPU
        return cross_entropy(model(x), y)


def step_fn(model, optimizer, loss_fn, batch):
    """One step as in the loop, on four batches joined to a large one."""
    loss = loss_of(model, batch)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


large = DataLoader(examples(), batch_size=32 * ACCUMULATE, shuffle=True)
test = range_test(model, optimizer, None, large, steps=300, step_fn=step_fn)

steps = EPOCHS * (len(loader) // ACCUMULATE)
peak = test.suggest(run_steps=steps, decaying=True)
optimizer.param_groups[0]["lr"] = peak
schedule = Warmup(steps // 10, then=Linear(steps - steps // 10))
scheduler = LambdaLR(optimizer, schedule)

# On a GPU say "cuda" and leave init_scale out: it makes some steps skip.
scaler = torch.amp.GradScaler("cpu", init_scale=2.0**26)
applied, skipped = [], 0
while len(applied) < steps:
    for number, batch in enumerate(loader, start=1):
        loss = loss_of(model, batch) / ACCUMULATE  # they add up to a mean
        scaler.scale(loss).backward()
        if number % ACCUMULATE:
            continue
        rate, scale = optimizer.param_groups[0]["lr"], scaler.get_scale()
        scaler.unscale_(optimizer)  # clip gradients of their true length
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        if scaler.get_scale() < scale:  # an overflow: no step was made
            skipped += 1
            continue
        scheduler.step()
        applied.append(rate)
        if len(applied) == steps:
            break

np.testing.assert_allclose(applied, lr_curve(schedule, steps, peak_lr=peak))
assert skipped > 0
print(f"{steps} steps at the rates that were meant, {skipped} were skipped")
print(f"the peak {peak:.2g}, loss {fresh_loss(model):.2f} on fresh data")
