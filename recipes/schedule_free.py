"""Schedule-free AdamW: no scheduler, but its own warm-up and two modes."""

import numpy as np
from lrlib.finder import range_test
from lrlib.schedules import Linear, lr_curve
from lrlib.train import train_step
from schedulefree import AdamWScheduleFree
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from small_task import examples, fresh_loss, network

EPOCHS = 5
model = network()
loader = DataLoader(examples(), batch_size=32, shuffle=True)
steps = EPOCHS * len(loader)

optimizer = AdamWScheduleFree(model.parameters(), lr=0.001)
optimizer.train()
test = range_test(
    model, optimizer, cross_entropy, loader, end_lr=1, steps=300
)
peak = test.suggest(run_steps=steps)  # a fixed rate: nothing lowers it
optimizer = AdamWScheduleFree(
    model.parameters(), lr=peak, warmup_steps=steps // 10
)

applied = []
for _ in range(EPOCHS):
    optimizer.train()  # the weights that learn
    for batch in loader:
        train_step(model, optimizer, cross_entropy, batch)
        # It is known once the step is made.
        applied.append(optimizer.param_groups[0]["scheduled_lr"])
    optimizer.eval()  # their average, to be judged and saved
    averaged = fresh_loss(model)

# Its warm-up begins at 1/w, and is a step ahead of a rise from zero.
rise = Linear(steps // 10, start=0, end=1)
expected = lr_curve(lambda step: rise(step + 1), steps, peak_lr=peak)
np.testing.assert_allclose(applied, expected)

optimizer.train()
learning = fresh_loss(model)
assert learning > averaged  # without eval(): other weights
print(f"{steps} steps at the rates that were meant")
print(f"the peak {peak:.2g}, loss {averaged:.2f} on fresh data")
print(f"without eval() it would be {learning:.2f}")
