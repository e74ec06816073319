"""fastai: a callback sets the rate, a function of the share of the run."""

from functools import partial

import numpy as np
import torch
from fastai.basics import DataLoaders, Learner
from fastai.callback.schedule import ParamScheduler
from fastai.optimizer import SGD
from lrlib.finder import range_test
from lrlib.schedules import Linear, Warmup, lr_curve
from torch import nn
from torch.utils.data import DataLoader

from small_task import examples, fresh_loss, network

EPOCHS = 5
training = DataLoader(examples(), batch_size=32, shuffle=True)
validation = DataLoader(examples(seed=1), batch_size=512)
loss_func = nn.CrossEntropyLoss()

dls = DataLoaders(training, validation)
sgd = partial(SGD, mom=0.9)
learn = Learner(dls, network(), loss_func=loss_func, opt_func=sgd)

# The finder needs an optimizer of torch that does the same as fastai's.
optimizer = torch.optim.SGD(learn.model.parameters(), lr=0.1, momentum=0.9)
test = range_test(learn.model, optimizer, loss_func, training, steps=300)

steps = EPOCHS * len(dls.train)
peak = test.suggest(run_steps=steps, decaying=True)
schedule = Warmup(steps // 10, then=Linear(steps - steps // 10))


def lr(share):
    return peak * schedule(round(share * steps))


learn.fit(EPOCHS, cbs=ParamScheduler({"lr": lr}))
applied = learn.recorder.hps["lr"]

np.testing.assert_allclose(applied, lr_curve(schedule, steps, peak_lr=peak))
print(f"{steps} steps at the rates that were meant")
print(
    f"the peak {peak:.2g}, loss {fresh_loss(learn.model):.2f} on fresh data"
)

learn = Learner(dls, network(), loss_func=loss_func, opt_func=sgd)
# The rate rises for a quarter of the run, and the momentum moves, too.
learn.fit_one_cycle(EPOCHS, lr_max=peak)
own = learn.recorder.hps["lr"]
np.testing.assert_allclose([own[0], own[steps // 4]], [peak / 25, peak])
print(f"with one-cycle: loss {fresh_loss(learn.model):.2f}")
