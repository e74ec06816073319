"""Stop a run, resume it, extend it: no jump where the rate is flat."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from lrlib.finder import range_test
from lrlib.schedules import Fixed, Join, Linear, Warmup, lr_curve
from lrlib.train import train_step
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from small_task import examples, fresh_loss, network


def hold_then_decay(steps, decay=40):
    """Warm up, hold the peak, fall to zero over the last `decay` steps."""
    return Warmup(
        20, then=Join((Fixed(), Linear(decay)), (steps - 20 - decay,))
    )


def new_run():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return model, optimizer


def train(model, optimizer, scheduler, steps):
    applied = []
    while len(applied) < steps:
        for batch in loader:
            applied.append(optimizer.param_groups[0]["lr"])
            train_step(model, optimizer, cross_entropy, batch)
            scheduler.step()
            if len(applied) == steps:
                break
    return applied


file = Path(tempfile.mkdtemp()) / "checkpoint.pt"
loader = DataLoader(examples(), batch_size=32, shuffle=True)

# Once, before the first run: the checkpoint keeps the peak.
model, optimizer = new_run()
test = range_test(model, optimizer, cross_entropy, loader, steps=300)
peak = test.suggest(run_steps=200, decaying=True)
optimizer.param_groups[0]["lr"] = peak

scheduler = LambdaLR(optimizer, hold_then_decay(200))
before = train(model, optimizer, scheduler, 120)
checkpoint = {
    "model": model.state_dict(),
    "optimizer": optimizer.state_dict(),
    "scheduler": scheduler.state_dict(),
}
torch.save(checkpoint, file)

# The same schedule, so the scheduler's state is loaded, too.
saved = torch.load(file)
model, optimizer = new_run()
scheduler = LambdaLR(optimizer, hold_then_decay(200))
model.load_state_dict(saved["model"])
optimizer.load_state_dict(saved["optimizer"])
scheduler.load_state_dict(saved["scheduler"])
resumed = train(model, optimizer, scheduler, 80)
expected = lr_curve(hold_then_decay(200), 200, peak_lr=peak)
np.testing.assert_allclose(before + resumed, expected)

# A longer schedule: the scheduler gets no state, but the steps made so far.
saved = torch.load(file)
model, optimizer = new_run()
model.load_state_dict(saved["model"])
optimizer.load_state_dict(saved["optimizer"])  # with the peak: `initial_lr`
done = saved["scheduler"]["last_epoch"]
scheduler = LambdaLR(optimizer, hold_then_decay(300), last_epoch=done - 1)
extended = train(model, optimizer, scheduler, 180)
expected = lr_curve(hold_then_decay(300), 300, peak_lr=peak)
np.testing.assert_allclose(before + extended, expected)

print(
    "200 steps at the rates that were meant, and 300 when extended at 120"
)
print(f"loss {fresh_loss(model):.2f} on fresh data")
