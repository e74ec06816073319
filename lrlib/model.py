"""The small convolutional network that every chapter trains."""

import torch
from torch import nn

_HEADS = {"max": nn.AdaptiveMaxPool2d, "mean": nn.AdaptiveAvgPool2d}


def _conv3(channels_in: int, channels_out: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1, bias=False)


def _group(channels_in: int, channels_out: int) -> list[nn.Module]:
    """Two 3x3 convolutions; the pooling between them halves height and width."""
    return [
        _conv3(channels_in, channels_out),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
        _conv3(channels_out, channels_out),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    ]


def small_cnn(width: int = 16, head: str = "max") -> nn.Sequential:
    """Build a network of five convolutions and a linear layer for 32x32 colour images.

    A 4x4 convolution with stride 2 turns the image into `width` maps of 16x16 numbers. Two groups
    follow, each of two 3x3 convolutions with batch normalisation; a group doubles the number of
    maps and halves their sides, so `4 * width` maps of 4x4 are left. One number of each map goes
    into the linear layer. With `width=16` there are 70,938 parameters.

    The weights are drawn from torch's global generator: call `torch.manual_seed` first to get the
    same network twice. The network is on the GPU if there is one.

    Args:
        width: Maps after the first layer, a positive integer. The chapters train with 16.
        head: Which number of each map is used: "max", the largest, or "mean".

    Returns:
        A network that maps B images, float32 of shape (B, 3, 32, 32), to logits, float32 of shape
        (B, 10): a score for each class.

    Raises:
        ValueError: `width` is not a positive integer, or `head` is neither "max" nor "mean".

    Example:
        >>> import torch
        >>> net = small_cnn(width=16)
        >>> sum(p.numel() for p in net.parameters())
        70938
        >>> device = next(net.parameters()).device
        >>> tuple(net(torch.zeros(4, 3, 32, 32, device=device)).shape)
        (4, 10)
    """
    if not isinstance(width, int) or width < 1:
        raise ValueError(f"width must be a positive integer, got {width!r}; 16 is a good start")
    if head not in _HEADS:
        raise ValueError(f"head must be one of {', '.join(_HEADS)}, got {head!r}")
    net = nn.Sequential(
        nn.Conv2d(3, width, kernel_size=4, stride=2, padding=1),
        *_group(width, 2 * width),
        *_group(2 * width, 4 * width),
        _HEADS[head](1),
        nn.Flatten(),
        nn.Linear(4 * width, 10),
    )
    return _placed(net)


def _placed(net: nn.Sequential) -> nn.Sequential:
    """Put a network on the GPU where there is one, in the layout that is fastest on a CPU."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # Convolutions read the channels of one pixel together: on a CPU this layout is faster.
    # torch's type hints know `memory_format` for tensors alone, its code for modules too.
    return net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
