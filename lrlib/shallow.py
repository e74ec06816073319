"""A shallow network, for the setting of the study that has little data."""

from torch import nn

from lrlib.model import _placed


def shallow_cnn(width: int = 16) -> nn.Sequential:
    """Build a network of one convolution and one linear layer, without normalisation.

    Args:
        width: Channels after the convolution, at least 1.

    Returns:
        A network that maps B images, float32 of shape (B, 3, 32, 32), to logits, float32 of shape
        (B, 10).

    Example:
        >>> net = shallow_cnn(width=16)
        >>> sum(p.numel() for p in net.parameters())
        3786
    """
    net = nn.Sequential(
        nn.Conv2d(3, width, kernel_size=5, stride=2, padding=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(16 * width, 10),
    )
    return _placed(net)
