"""Accelerate, in one process or in two.

For two: `torchrun --nproc_per_node 2 accelerate_loop.py`. A prepared
scheduler is called after every batch, and decides by itself whether a step
was made. With n processes it then takes n steps, so the length of the run
is counted before `prepare`.
"""

import math

import numpy as np
import torch
from accelerate import Accelerator
from lrlib.finder import range_test
from lrlib.schedules import Linear, Warmup, lr_curve
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from small_task import examples, fresh_loss, network

EPOCHS, ACCUMULATE = 5, 4
accelerator = Accelerator(cpu=True, gradient_accumulation_steps=ACCUMULATE)
processes = accelerator.num_processes
model = network()
loader = DataLoader(examples(), batch_size=32, shuffle=True)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

# The finder comes before `prepare`; its batch is as large as all of a step.
size = 32 * ACCUMULATE * processes
large = DataLoader(examples(), batch_size=size, shuffle=True)
test = range_test(model, optimizer, cross_entropy, large, steps=300)

# Before `prepare` the loader has the batches of all processes.
steps = EPOCHS * math.ceil(len(loader) / ACCUMULATE)
peak = test.suggest(run_steps=steps / processes, decaying=True)
optimizer.param_groups[0]["lr"] = peak
schedule = Warmup(steps // 10, then=Linear(steps - steps // 10))
scheduler = LambdaLR(optimizer, schedule)
model, optimizer, loader, scheduler = accelerator.prepare(
    model, optimizer, loader, scheduler
)

applied = []
for _ in range(EPOCHS):
    for x, y in loader:
        with accelerator.accumulate(model):
            accelerator.backward(cross_entropy(model(x), y))
            if accelerator.sync_gradients:
                applied.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()  # which does nothing where no step was made
            optimizer.zero_grad()

assert len(applied) == steps / processes
expected = lr_curve(schedule, steps, peak_lr=peak)[::processes]
np.testing.assert_allclose(applied, expected)
if accelerator.is_main_process:
    print(f"{len(applied)} steps at the rates that were meant")
    print(f"{processes} process(es): the schedule has {steps} steps")
    loss = fresh_loss(accelerator.unwrap_model(model))
    print(f"the peak {peak:.2g}, loss {loss:.2f} on fresh data")
