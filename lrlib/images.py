"""Images in memory: a set of them, a data set in three parts, and the inputs they become."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

# Mean and standard deviation of each colour channel over the training images of CIFAR-10, on the
# scale 0 to 255. Shapes-10 uses them too: a network needs inputs near zero, not exactly so.
MEAN = (125.3, 123.0, 113.9)
STD = (63.0, 62.1, 66.7)


class Images(NamedTuple):
    """Images and their classes, N of each.

    Args:
        x: The images, uint8 in 0 to 255, shape (N, 3, 32, 32): red, green and blue, then rows and
            columns.
        y: The label of each image, which is the number of its class: int64 in 0 to 9, shape (N,).

    Example:
        >>> import torch
        >>> x = torch.zeros(5, 3, 32, 32, dtype=torch.uint8)
        >>> images = Images(x, torch.arange(5))
        >>> len(images.y)
        5
    """

    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Splits:
    """A data set in three parts: learn from `train`, choose with `val`, report with `test`.

    Args:
        train: Training images; from `load`, at most 45,000.
        val: Validation images, none of them a training image; from `load` 5,000, 500 of each class.
        test: Test images; from `load` 10,000.
        name: Such as "CIFAR-10", or "Shapes-10" for the stand-in.
        classes: The ten class names; label 3 is `classes[3]`.

    Example:
        >>> import torch
        >>> x = torch.zeros(10, 3, 32, 32, dtype=torch.uint8)
        >>> part = Images(x, torch.arange(10))
        >>> splits = Splits(part, part, part, "black images", tuple("abcdefghij"))
        >>> splits.classes[int(splits.val.y[3])]
        'd'
    """

    train: Images
    val: Images
    test: Images
    name: str
    classes: tuple[str, ...]


def require_images(images: Images, name: str = "images") -> None:
    """Refuse what is not `Images`, before anything is trained or judged on it."""
    for part, tensor in (("x", images.x), ("y", images.y)):
        if not isinstance(tensor, Tensor):
            raise ValueError(
                f"{name}.{part} must be a torch tensor, got {type(tensor).__name__}; "
                "torch.as_tensor makes one"
            )
    _require_pixels(images.x, f"{name}.x")
    if images.x.shape[1:] != (3, 32, 32):
        raise ValueError(
            f"{name}.x must have shape (N, 3, 32, 32), got {tuple(images.x.shape)}; "
            "put the channels before the rows and columns, and scale the images to 32 by 32"
        )
    if images.y.dtype != torch.int64 or images.y.ndim != 1:
        raise ValueError(
            f"{name}.y must be int64 of shape (N,), got {_dtype(images.y)} of shape "
            f"{tuple(images.y.shape)}; give the number of the class of each image"
        )
    if len(images.x) != len(images.y):
        raise ValueError(
            f"{name} must have one label an image, got {len(images.x)} images and "
            f"{len(images.y)} labels; leave out what has no partner"
        )
    if len(images.y) == 0:
        raise ValueError(f"{name} must have at least one image, got 0; load more images")
    if images.x.device != images.y.device:
        raise ValueError(
            f"{name}.x and {name}.y must be on one device, got {images.x.device} and "
            f"{images.y.device}; move one of them"
        )


def _require_pixels(x: Tensor, name: str) -> None:
    if x.dtype != torch.uint8:
        raise ValueError(
            f"{name} must be uint8, pixels from 0 to 255, got {_dtype(x)}; turn images from 0 to 1 "
            "into pixels with (255 * x).round().to(torch.uint8)"
        )


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def normalise(x: Tensor) -> Tensor:
    r"""Turn pixels into network inputs of about zero mean and unit variance.

    .. math:: x' = (x - \mu) / \sigma

    Here :math:`\mu` and :math:`\sigma` are the mean and the standard deviation of each colour
    channel over the training images of CIFAR-10.

    Args:
        x: Pixels, uint8 in 0 to 255, shape (B, 3, 32, 32).

    Returns:
        Inputs, float32, shape (B, 3, 32, 32), channels last in memory.

    Raises:
        ValueError: `x` is not uint8.

    Example:
        >>> import torch
        >>> black = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
        >>> normalise(black)[0, :, 0, 0]
        tensor([-1.9889, -1.9807, -1.7076])
    """
    _require_pixels(x, "x")
    count, channels, height, width = x.shape
    scale = torch.tensor(STD, device=x.device).reciprocal()
    shift = -torch.tensor(MEAN, device=x.device) * scale
    # One long row an image, red, green, blue, red, ...: ten times as fast as three short ones.
    rows = x.permute(0, 2, 3, 1).reshape(count, -1).float()
    repeats = height * width
    torch.addcmul(shift.repeat(repeats), rows, scale.repeat(repeats), out=rows)
    return rows.view(count, height, width, channels).permute(0, 3, 1, 2)
