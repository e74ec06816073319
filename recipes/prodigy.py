"""Prodigy finds the scale of the rate, and a schedule multiplies it."""

import numpy as np
from lrlib.schedules import CosineAnnealing, lr_curve
from lrlib.train import train_step
from prodigyopt import Prodigy
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from small_task import examples, fresh_loss, network

EPOCHS = 5
model = network()
loader = DataLoader(examples(), batch_size=32, shuffle=True)
steps = EPOCHS * len(loader)

# Leave lr at 1, its default: there is nothing to tune or to find.
optimizer = Prodigy(model.parameters(), lr=1.0, weight_decay=0.01)
schedule = CosineAnnealing(steps)
scheduler = LambdaLR(optimizer, schedule)

applied, found = [], []
for _ in range(EPOCHS):
    for batch in loader:
        applied.append(optimizer.param_groups[0]["lr"])
        train_step(model, optimizer, cross_entropy, batch)
        found.append(optimizer.param_groups[0]["d"])
        scheduler.step()
rates = np.multiply(applied, found)  # what you would give AdamW

np.testing.assert_allclose(applied, lr_curve(schedule, steps))
assert np.all(np.diff(found) >= 0)  # what it finds only grows
print(f"{steps} steps at the shares that were meant")
print(f"it began with {found[0]:.2g} and found {found[-1]:.2g}")
print(f"the highest rate {rates.max():.2g}")
print(f"loss {fresh_loss(model):.2f} on fresh data")
