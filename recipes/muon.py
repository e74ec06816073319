"""Muon for inner matrices, AdamW for the rest: two peaks, one schedule."""

import numpy as np
import torch
from lrlib.finder import range_test
from lrlib.schedules import Linear, Warmup, lr_curve
from lrlib.train import train_step
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from small_task import examples, fresh_loss, network

EPOCHS = 5
model = network()
loader = DataLoader(examples(), batch_size=32, shuffle=True)
steps = EPOCHS * len(loader)


class Both(torch.optim.Optimizer):
    """Two optimizers that step as one, with the same groups as theirs."""

    def __init__(self, *parts):
        groups = [group for part in parts for group in part.param_groups]
        super().__init__(groups, {})
        self.param_groups = groups
        self.parts = parts  # a checkpoint needs their states, too

    def step(self):
        for part in self.parts:
            part.step()


# Muon takes matrices alone; biases and both end layers are AdamW's.
inside = [layer.weight for layer in model[1:-1] if hasattr(layer, "weight")]
of_muon = {id(weight) for weight in inside}
rest = [each for each in model.parameters() if id(each) not in of_muon]
muon = torch.optim.Muon(inside, lr=0.02, weight_decay=0.01)
adamw = torch.optim.AdamW(rest, lr=0.002, weight_decay=0.01)
optimizer = Both(muon, adamw)

# The finder keeps the ratio of the two rates and suggests the larger one.
test = range_test(
    model, optimizer, cross_entropy, loader, end_lr=1, steps=300
)
peak = test.suggest(run_steps=steps, decaying=True)
muon.param_groups[0]["lr"] = peak
adamw.param_groups[0]["lr"] = peak / 10

schedule = Warmup(steps // 10, then=Linear(steps - steps // 10))
scheduler = LambdaLR(optimizer, schedule)

applied = []
for _ in range(EPOCHS):
    for batch in loader:
        applied.append(
            [part.param_groups[0]["lr"] for part in (muon, adamw)]
        )
        train_step(model, optimizer, cross_entropy, batch)
        scheduler.step()

expected = np.outer(lr_curve(schedule, steps, peak_lr=peak), [1, 0.1])
np.testing.assert_allclose(applied, expected)
print(f"{steps} steps at the rates that were meant")
loss = fresh_loss(model)
print(f"the higher peak {peak:.2g}, loss {loss:.2f} on fresh data")
