"""CIFAR-10 as tensors in memory: found or downloaded, verified, split, and drawn in batches.

If there is no way to get CIFAR-10, `load` uses Shapes-10: ten classes of simple shapes that lrlib
draws itself. Results on this stand-in say nothing about CIFAR-10.
"""

import hashlib
import os
import pickle
from pathlib import Path

import torch
from torch import Tensor

from lrlib._cifar10 import _BY_HAND, _MD5, _NAME
from lrlib._extras import extra
from lrlib.batches import Batches
from lrlib.images import Images, Splits

__all__ = ["Batches", "Images", "Splits", "load"]

_CIFAR10_CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
_VALIDATION_PER_CLASS = 500
_PATIENCE = "Set LRLIB_DATASET=cifar10 to wait for the last address, however slow it is."


def load(n_train: int | None = None) -> Splits:
    """Load CIFAR-10 as tensors in memory, or Shapes-10 if there is no way to get CIFAR-10.

    Two environment variables decide:

    - `LRLIB_DATA` names the folder that holds, or will hold, `cifar-10-batches-py/`. The default,
      `lrlib` in your user's cache folder, is searched in any case. What is in neither is
      downloaded, and every file is verified before it is read.
    - `LRLIB_DATASET` is `auto` (the default: use the stand-in if need be), `cifar10` (never use
      it) or `shapes10` (always use it).

    Args:
        n_train: How many training images, from 10 to 45,000: a fixed subset with the same number
            of each class, give or take one. `None` is all of them.

    Returns:
        The training, validation and test images, the same at every call, on the GPU if there is
        one.

    Raises:
        ValueError: `n_train` is out of range, `LRLIB_DATASET` is none of the three, or a folder or
            file can't be read.
        RuntimeError: A file of CIFAR-10 is damaged, or `LRLIB_DATASET` is `cifar10` and there is no
            way to get it.
        ImportError: lrlib was installed without its extra `data`, which reading CIFAR-10 needs.

    Source:
        Krizhevsky (2009), chapter 3.

    Example:
        >>> splits = load(n_train=10_000)  # doctest: +SKIP
        >>> splits.train.x.shape, splits.train.x.dtype  # doctest: +SKIP
        (torch.Size([10000, 3, 32, 32]), torch.uint8)
    """
    name, classes, rest, test = _stand_in() if _wants_stand_in() else _cifar10_or_stand_in()
    train, val = _split(rest, n_train)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    train, val, test = (
        Images(part.x.to(device, memory_format=torch.channels_last), part.y.to(device))
        for part in (train, val, test)
    )
    return Splits(train, val, test, name, classes)


_Source = tuple[str, tuple[str, ...], Images, Images]


def _wants_stand_in() -> bool:
    dataset = os.environ.get("LRLIB_DATASET", "auto")
    if dataset not in ("auto", "cifar10", "shapes10"):
        raise ValueError(
            f"LRLIB_DATASET must be auto, cifar10 or shapes10, got {dataset!r}; "
            "change it, or unset it for auto"
        )
    return dataset == "shapes10"


def _cifar10_or_stand_in() -> _Source:
    folder = _folder()
    for place in (folder, _cache()):
        # Unlike `exists`, `access` does not raise where a folder above is closed to this user.
        if os.access(place / _NAME, os.F_OK):
            return _read_cifar10(place / _NAME)
    from lrlib.fetch import _fetch  # here: only a download needs what it imports

    demanded = os.environ.get("LRLIB_DATASET") == "cifar10"
    try:
        _fetch(folder, patient=demanded)
    except RuntimeError as error:
        if demanded:
            raise RuntimeError(f"{error} {_BY_HAND}") from error
        print(f"{error}\n{_BY_HAND} {_PATIENCE}")
        return _stand_in()
    return _read_cifar10(folder / _NAME)


def _stand_in() -> _Source:
    from lrlib import shapes10

    line = (
        "Shapes-10, the stand-in for CIFAR-10, is in use: its results say nothing about CIFAR-10."
    )
    print("=" * len(line), line, "=" * len(line), sep="\n")
    rest, test = (Images(*shapes10.draw(count, seed)) for count, seed in ((50_000, 0), (10_000, 1)))
    return "Shapes-10", shapes10.CLASSES, rest, test


def _folder() -> Path:
    setting = os.environ.get("LRLIB_DATA")
    folder = Path(setting).expanduser() if setting else _cache()
    there = os.access(folder, os.F_OK)
    if there and not (folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)):
        raise ValueError(
            f"LRLIB_DATA must name a folder that can be read, got {str(folder)!r}; "
            f"correct it, or unset it for the cache folder. {_BY_HAND}"
        )
    return folder


def _cache() -> Path:
    with extra("data", "reading CIFAR-10"):
        import platformdirs
    return platformdirs.user_cache_path("lrlib")


def _read_cifar10(folder: Path) -> _Source:
    train = [_read_batch(folder / f"data_batch_{number}") for number in range(1, 6)]
    xs, ys = zip(*train, strict=True)
    test = _read_batch(folder / "test_batch")
    return "CIFAR-10", _CIFAR10_CLASSES, Images(torch.cat(xs), torch.cat(ys)), test


def _read_batch(file: Path) -> Images:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ValueError(
            f"{file} cannot be read: {error.strerror}. "
            f"Delete its folder to fetch it again. {_BY_HAND}"
        ) from error
    # A pickle can run code: its bytes must be the published ones before it is unpickled.
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != _MD5[file.name]:
        raise RuntimeError(
            f"{file} is damaged: its md5 is {found}, expected {_MD5[file.name]}. "
            f"Delete its folder to fetch it again. {_BY_HAND}"
        )
    # Python 2 wrote these files. As "bytes" the pixels are copied once, as text three times.
    batch = pickle.loads(content, encoding="bytes")
    # A file holds all red values of an image, then the green, then the blue ones. Stacking them is
    # the quick way to channels-last memory.
    colours = torch.from_numpy(batch[b"data"]).split(32 * 32, dim=1)
    x = torch.stack(colours, dim=2).reshape(-1, 32, 32, 3).permute(0, 3, 1, 2)
    return Images(x, torch.tensor(batch[b"labels"]))


def _split(images: Images, n_train: int | None) -> tuple[Images, Images]:
    order = torch.randperm(len(images.y), generator=torch.Generator().manual_seed(0))
    # One row a class: its images in a fixed random order. Read column by column, the classes take
    # turns, so that every leading part holds about as many images of each.
    rows = torch.stack([order[images.y[order] == label] for label in range(10)])
    val = rows[:, :_VALIDATION_PER_CLASS].T.flatten()
    train = rows[:, _VALIDATION_PER_CLASS:].T.flatten()
    if n_train is not None and not 10 <= n_train <= len(train):
        raise ValueError(f"n_train must be from 10 to {len(train)}, or None for all, got {n_train}")
    return _take(images, train[:n_train]), _take(images, val)


def _take(images: Images, chosen: Tensor) -> Images:
    # Whole images lie together in memory with their channels last: copied in one piece each.
    x = images.x.permute(0, 2, 3, 1).index_select(0, chosen).permute(0, 3, 1, 2)
    return Images(x, images.y[chosen])
