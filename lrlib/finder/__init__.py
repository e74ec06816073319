"""A learning-rate finder that leaves no trace, for any model, optimizer and loader.

A learning-rate range test trains for a hundred steps, or a few hundred, while the rate rises from
far too small to far too large, and writes down the loss of each step. A rule then reads a rate from
this curve: its suggestion. Your model, optimizer and loader are left as they were.

Example:
    With your own `model` and a `DataLoader` named `loader`:

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> x = torch.randn(512, 4)
    >>> y = (x + torch.randn(512, 4)).argmax(dim=1)
    >>> data = torch.utils.data.TensorDataset(x, y)
    >>> loader = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True)
    >>> model = torch.nn.Linear(4, 4)

    five lines give a suggestion:

    >>> from lrlib import finder
    >>> from torch import nn, optim
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    >>> test = finder.range_test(model, optimizer, nn.CrossEntropyLoss(), loader)
    >>> print(test.explain())  # doctest: +ELLIPSIS
    0... is a fixed rate for 600 steps. In nine of ten cases of the study, ...
"""

from lrlib.finder.result import RangeTest
from lrlib.finder.sweep import range_test

__all__ = ["RangeTest", "range_test"]
