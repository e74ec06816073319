"""Parameter groups: a pretrained network learns slowly, a new head fast."""

import numpy as np
import torch
from lrlib.finder import range_test
from lrlib.schedules import Linear, Warmup, lr_curve
from lrlib.train import train_step
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from small_task import examples, fresh_loss, network

EPOCHS = 5
pretrained = network()  # load your own here
model = nn.Sequential(*pretrained[:-1], nn.Linear(64, 5))
loader = DataLoader(examples(), batch_size=32, shuffle=True)

# The new head has the full rate, each layer half that of the one above.
layers = [layer for layer in model if list(layer.parameters())][::-1]
shares = [0.5**depth for depth in range(len(layers))]
groups = [
    {"params": layer.parameters(), "lr": 0.001 * share}
    for layer, share in zip(layers, shares, strict=True)
]
optimizer = torch.optim.AdamW(groups, weight_decay=0.01)

# The finder moves all rates together, and suggests the largest one.
test = range_test(
    model, optimizer, cross_entropy, loader, end_lr=1, steps=300
)
steps = EPOCHS * len(loader)
peak = test.suggest(run_steps=steps, decaying=True)
for group, share in zip(optimizer.param_groups, shares, strict=True):
    group["lr"] = peak * share

# One schedule for all groups; a list with one for each would do as well.
schedule = Warmup(steps // 10, then=Linear(steps - steps // 10))
scheduler = LambdaLR(optimizer, schedule)

applied = []
for _ in range(EPOCHS):
    for batch in loader:
        applied.append([group["lr"] for group in optimizer.param_groups])
        train_step(model, optimizer, cross_entropy, batch)
        scheduler.step()

expected = np.outer(lr_curve(schedule, steps, peak_lr=peak), shares)
np.testing.assert_allclose(applied, expected)
print(
    f"{steps} steps at the rates that were meant: the peak times {shares}"
)
print(f"the peak {peak:.2g}, loss {fresh_loss(model):.2f} on fresh data")
