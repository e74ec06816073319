"""The usual way to train on CIFAR-10, to compare with: torchvision's transforms and a DataLoader.

`blitz` is the recipe of PyTorch's "60 minute blitz" tutorial.
"""

import itertools
import math
from collections.abc import Iterator
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from lrlib import data

# Operators declared for torchvision. torch forgets them when nobody holds the declaration.
_DECLARED: list[torch.library.Library] = []


def import_torchvision() -> ModuleType:
    """Import torchvision, also where a plain import fails: a CUDA build beside a torch for the CPU.

    Such a build lacks its compiled operators, and its import fails on the first one it looks up.
    Transforms and datasets use none of them: declaring that they exist is enough.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _DECLARED.append(library)
        import torchvision
    return torchvision


class _Pictures(Dataset[tuple[Tensor, int]]):
    """Images one at a time, as `torchvision.datasets.CIFAR10` gives them."""

    def __init__(self, images: data.Images, transform: nn.Module) -> None:
        self.pixels = images.x.permute(0, 2, 3, 1).contiguous().numpy()
        self.labels = images.y.tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        from PIL import Image

        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


def batches(images: data.Images, batch_size: int, workers: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield augmented batches without end, as a DataLoader makes them."""
    transforms = import_torchvision().transforms
    steps = [
        transforms.RandomCrop(32, padding=4),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize((0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)),
    ]
    pictures = _Pictures(images, transforms.Compose(steps))
    options = {"num_workers": workers, "persistent_workers": workers > 0}
    loader = DataLoader(pictures, batch_size, shuffle=True, drop_last=True, **options)
    while True:
        yield from loader


def _lenet() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(16 * 5 * 5, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
        nn.Linear(84, 10),
    )


def blitz(splits: data.Splits, parts: int) -> Iterator[float]:
    """Train for two epochs as the tutorial does, in so many parts.

    Yields:
        After each part but the last nan; at the end the validation accuracy.
    """
    transforms = import_torchvision().transforms
    half = (0.5, 0.5, 0.5)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(half, half)])
    pictures = _Pictures(splits.train, transform)
    loader = DataLoader(pictures, batch_size=4, shuffle=True, num_workers=2)
    torch.manual_seed(0)
    net = _lenet()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9)
    both_epochs = itertools.chain(loader, loader)
    for part in range(1, parts + 1):
        for x, y in itertools.islice(both_epochs, math.ceil(2 * len(loader) / parts)):
            optimizer.zero_grad()
            loss = functional.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            loss.item()  # the tutorial adds the losses up
        if part < parts:
            yield math.nan
    loader = DataLoader(_Pictures(splits.val, transform), batch_size=4, num_workers=2)
    with torch.no_grad():
        right = [(net(x).argmax(dim=1) == y).float() for x, y in loader]
    yield float(torch.cat(right).mean())
