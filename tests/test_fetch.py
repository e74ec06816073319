"""Fetching: a server on this machine misbehaves in every way, and the folder stays sound."""

import errno
import hashlib
import io
import json
import pickle
import signal
import socket
import subprocess
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import platformdirs
import pytest

from lrlib import data, fetch, shapes10

LABELS = list(range(10)) * 3


@pytest.fixture(autouse=True)
def nothing_outside(monkeypatch):
    """No name is looked up and no connection made but to this machine."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connect_here(self, address):
        assert address[0] == "127.0.0.1", f"a test reaches for {address}"
        return connect(self, address)

    def look_up_here(host, *args, **kwargs):
        assert host in ("127.0.0.1", b"127.0.0.1"), f"a test looks up {host}"
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", connect_here)
    monkeypatch.setattr(socket, "getaddrinfo", look_up_here)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def pack(contents, extra=()):
    """Pack files as CIFAR-10 is packed; `extra` are further members, which come first."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for member, content in extra:
            tar.addfile(member, io.BytesIO(content))
        for name, content in contents.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def md5(content):
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def contents():
    """The seven files with 30 images each."""
    pixels = np.random.default_rng(0).integers(0, 256, (30, 3072), dtype=np.uint8)
    batch = pickle.dumps({b"data": pixels, b"labels": LABELS}, protocol=2)
    return {name: batch + name.encode() for name in fetch._MD5}


@pytest.fixture
def publish(monkeypatch):
    """Make an archive, and what is in it, the published ones."""

    def publish(contents, archive):
        monkeypatch.setattr(fetch, "_ARCHIVE_MD5", md5(archive))
        monkeypatch.setattr(fetch, "_ARCHIVE_BYTES", len(archive))
        for name, content in contents.items():
            monkeypatch.setitem(fetch._MD5, name, md5(content))

    return publish


@pytest.fixture
def archive(contents, publish):
    packed = pack(contents)
    publish(contents, packed)
    return packed


@pytest.fixture
def server(archive):
    """A server with one page for each way to behave. It writes down what it was asked for."""
    go_on, half_sent = threading.Event(), threading.Event()
    asked = []

    class Page(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            asked.append(self.path)
            getattr(self, self.path[1:])()

        def start(self, length=None):
            self.send_response(200)
            self.send_header("Content-Length", str(length or len(archive)))
            self.end_headers()

        def send(self, content):
            self.wfile.write(content)
            self.wfile.flush()

        def good(self):
            self.start()
            self.send(archive)

        def other(self):
            self.start()
            self.send(bytes(len(archive)))

        def missing(self):
            self.send_error(404)

        def cut_off(self):
            self.start()
            self.send(archive[: len(archive) // 2])

        def cut_off_once(self):
            self.cut_off() if asked.count("/cut_off_once") == 1 else self.good()

        def claims_less(self):
            self.start(len(archive) // 2)
            self.send(archive)

        def claims_more(self):
            self.start(2 * len(archive))
            self.send(archive)

        def silent(self):
            go_on.wait(60)

        def falls_silent(self):
            self.cut_off()
            half_sent.set()
            go_on.wait(60)

        def waits(self):
            self.falls_silent()
            self.send(archive[len(archive) // 2 :])

        def drips(self):
            self.start()
            for byte in archive[:500]:
                self.send(bytes([byte]))
                if go_on.wait(0.02):
                    return

        def slow(self):
            self.start()
            for start in range(0, len(archive), 1 + len(archive) // 10):
                self.send(archive[start : start + 1 + len(archive) // 10])
                go_on.wait(0.1)

        def endless(self):
            self.send_response(200)
            self.end_headers()
            for _ in range(2**10):
                self.send(bytes(2**16))
            asked.append("the client took all of it")

        def handle(self):
            try:
                super().handle()
            except ConnectionError:  # the other side has had enough
                self.close_connection = True

    http = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{http.server_port}"
    yield SimpleNamespace(address=address, asked=asked, go_on=go_on, half_sent=half_sent)
    go_on.set()
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture
def fetch_from(server, monkeypatch):
    """Fetch with the server's pages as the addresses."""
    monkeypatch.setattr(fetch, "_PAUSE", 0.0)

    def fetch_from(folder, *pages, patient=False):
        addresses = tuple(f"{server.address}/{page}" for page in pages)
        monkeypatch.setattr(fetch, "_ADDRESSES", addresses)
        fetch._fetch(folder, patient)

    return fetch_from


def is_complete(folder, contents):
    """Whether the seven files are there as published, and nothing else but the lock."""
    here = {file.name for file in folder.iterdir()} - {".cifar-10.lock"}
    files = {file.name: file.read_bytes() for file in (folder / "cifar-10-batches-py").iterdir()}
    return here == {"cifar-10-batches-py"} and files == contents


def is_empty(folder):
    return {file.name for file in folder.iterdir()} <= {".cifar-10.lock"}


# The addresses


def test_the_home_server_is_the_last_address():
    hosts = [address.split("/")[2] for address in fetch._ADDRESSES]
    assert hosts[-1] == "www.cs.toronto.edu"
    assert len(hosts) == len(set(hosts)) == 3
    assert all(address.startswith("https://") for address in fetch._ADDRESSES)


def test_the_guard_of_this_file_lets_nothing_out():
    with pytest.raises(AssertionError, match="looks up"):
        socket.create_connection(("example.org", 80))
    with pytest.raises(AssertionError, match="reaches for"), socket.socket() as outside:
        outside.connect(("192.0.2.1", 80))


def test_what_is_fetched_where_and_how_large_is_said(
    server, fetch_from, contents, tmp_path, capsys
):
    fetch_from(tmp_path / "new" / "folder", "good")
    assert is_complete(tmp_path / "new" / "folder", contents)
    said = capsys.readouterr().out
    assert f"{server.address}/good" in said
    assert str(tmp_path / "new" / "folder") in said
    assert f"({fetch._ARCHIVE_BYTES / 1e6:.0f} MB)" in said


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("other", "has another archive than the published one"),
        ("missing", "answers 404"),
        ("cut_off", "breaks off before the end"),
        ("claims_less", "has another archive than the published one"),
        ("claims_more", "breaks off before the end"),
    ],
)
def test_a_bad_address_is_named_and_the_next_one_used(
    page, words, server, fetch_from, contents, tmp_path, capsys
):
    fetch_from(tmp_path, page, "good")
    assert is_complete(tmp_path, contents)
    assert f"{server.address}/{page} {words}" in capsys.readouterr().out


def test_no_more_is_taken_than_the_archive_has(server, fetch_from, contents, tmp_path):
    fetch_from(tmp_path, "endless", "good")
    assert server.asked == ["/endless", "/good"]
    assert is_complete(tmp_path, contents)


@pytest.mark.parametrize("page", ["silent", "falls_silent"])
def test_a_silent_server_is_given_up(
    page, server, fetch_from, contents, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(fetch, "_SILENT_AT_MOST", 1.0)
    fetch_from(tmp_path, page, "good")
    assert is_complete(tmp_path, contents)
    assert f"{server.address}/{page} sends nothing for 1 s" in capsys.readouterr().out


@pytest.mark.parametrize("page", ["drips", "slow"])
def test_a_server_that_crawls_is_given_up(
    page, server, fetch_from, contents, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(fetch, "_CRAWLS_AT_MOST", 0.3)
    monkeypatch.setattr(fetch, "_SLOWEST", 10**9)
    with pytest.raises(RuntimeError, match=r"sends less than 1e\+06 kB a second"):
        fetch_from(tmp_path, page)
    assert is_empty(tmp_path)
    monkeypatch.setattr(fetch, "_CRAWLS_AT_MOST", 60)
    fetch_from(tmp_path, "good")
    assert is_complete(tmp_path, contents)


def test_the_next_address_follows_one_that_crawls(
    server, fetch_from, archive, contents, tmp_path, monkeypatch
):
    monkeypatch.setattr(fetch, "_CRAWLS_AT_MOST", 0.5)
    monkeypatch.setattr(fetch, "_SLOWEST", len(archive) // 30)  # what a busy machine surpasses
    fetch_from(tmp_path, "drips", "good")
    assert server.asked == ["/drips", "/good"]
    assert is_complete(tmp_path, contents)


def test_the_last_address_may_crawl_for_a_patient_reader(
    server, fetch_from, contents, tmp_path, monkeypatch
):
    monkeypatch.setattr(fetch, "_CRAWLS_AT_MOST", 0.2)
    monkeypatch.setattr(fetch, "_SLOWEST", 10**9)
    fetch_from(tmp_path, "drips", "slow", patient=True)
    assert server.asked == ["/drips", "/slow"]
    assert is_complete(tmp_path, contents)


def test_the_limits_are_those_that_are_documented():
    assert (fetch._SLOWEST, fetch._CRAWLS_AT_MOST) == (200_000, 20)


def test_a_connection_that_breaks_is_tried_once_more(server, fetch_from, contents, tmp_path):
    fetch_from(tmp_path, "cut_off_once", "missing")
    assert server.asked == ["/cut_off_once"] * 2
    assert is_complete(tmp_path, contents)


def test_a_wrong_archive_is_not_fetched_again(server, fetch_from, tmp_path):
    with pytest.raises(RuntimeError):
        fetch_from(tmp_path, "other")
    assert server.asked == ["/other"]


def test_where_every_address_fails_each_is_named_with_its_reason(server, fetch_from, tmp_path):
    with pytest.raises(RuntimeError) as raised:
        fetch_from(tmp_path, "missing", "other")
    said = str(raised.value)
    assert f"could not be fetched into {tmp_path}: " in said
    assert f"{server.address}/missing answers 404" in said
    assert f"{server.address}/other has another archive" in said
    assert is_empty(tmp_path)


def test_a_vanished_server_is_named(tmp_path, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/gone"
    monkeypatch.setattr(fetch, "_ADDRESSES", (address,))
    monkeypatch.setattr(fetch, "_PAUSE", 0.0)
    with pytest.raises(RuntimeError, match=f"{address} cannot be reached"):
        fetch._fetch(tmp_path, patient=False)
    assert is_empty(tmp_path)


# The archive


def member(name, **attributes):
    made = tarfile.TarInfo(name)
    for attribute, value in attributes.items():
        setattr(made, attribute, value)
    return made


def test_a_member_can_write_nowhere_but_into_its_folder(contents, publish, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    evil = [
        (member("../escaped", size=4), b"evil"),
        (member(f"{outside}/absolute", size=4), b"evil"),
        (member("cifar-10-batches-py/../../climbed", size=4), b"evil"),
        (member("cifar-10-batches-py/unknown", size=4), b"evil"),
        (member("cifar-10-batches-py", type=tarfile.SYMTYPE, linkname=str(outside)), b""),
        (
            member(
                "cifar-10-batches-py/data_batch_1",
                type=tarfile.SYMTYPE,
                linkname=str(outside / "linked"),
            ),
            b"",
        ),
    ]
    packed = pack(contents, evil)
    publish(contents, packed)
    place = tmp_path / "in" / "here"
    place.mkdir(parents=True)
    (place / "archive.tar.gz").write_bytes(packed)
    fetch._unpack(place / "archive.tar.gz", place / "files")
    assert {file.name: file.read_bytes() for file in (place / "files").iterdir()} == contents
    assert not (place / "files").is_symlink()
    everything = {file for file in tmp_path.rglob("*") if not file.is_dir()}
    archive = place / "archive.tar.gz"
    assert everything == {archive, *(place / "files" / name for name in contents)}


def test_an_altered_file_in_the_archive_is_refused(
    fetch_from, contents, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(fetch._MD5, "data_batch_3", md5(b"what was published"))
    with pytest.raises(RuntimeError, match="has another archive"):
        fetch_from(tmp_path, "good")
    assert is_empty(tmp_path)


def test_an_archive_that_lacks_a_file_is_refused(contents, publish, tmp_path):
    kept = {name: content for name, content in contents.items() if name != "test_batch"}
    (tmp_path / "archive.tar.gz").write_bytes(pack(kept))
    publish(contents, pack(kept))
    with pytest.raises(ValueError, match="test_batch missing"):
        fetch._unpack(tmp_path / "archive.tar.gz", tmp_path / "files")


# The folder


def test_a_folder_that_is_complete_is_left_alone(server, fetch_from, tmp_path, capsys):
    (tmp_path / "cifar-10-batches-py").mkdir()
    fetch_from(tmp_path, "good")
    assert server.asked == []
    assert capsys.readouterr() == ("", "")


def refuse(number, text):
    def refuse(*args, **kwargs):
        raise OSError(number, text)

    return refuse


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no disk that is full")
def test_a_disk_that_is_full_during_the_download_is_named(
    server, fetch_from, tmp_path, monkeypatch
):
    real = Path.open

    def full(self, mode="r", *args, **kwargs):
        return real(Path("/dev/full") if mode == "wb" else self, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(RuntimeError, match=rf"into {tmp_path}: the disk is full, and \d+ MB"):
        fetch_from(tmp_path, "good", "missing")
    assert server.asked == ["/good"]
    assert is_empty(tmp_path)


def test_a_disk_that_is_full_while_unpacking_is_named(fetch_from, tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "write_bytes", refuse(errno.ENOSPC, "No space left on device"))
    with pytest.raises(RuntimeError, match=rf"into {tmp_path}: the disk is full, and \d+ MB"):
        fetch_from(tmp_path, "good")
    assert is_empty(tmp_path)


def test_a_read_only_folder_is_named(server, fetch_from, tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "mkdir", refuse(errno.EROFS, "Read-only file system"))
    with pytest.raises(
        RuntimeError, match=f"cannot be written into {tmp_path}: Read-only file system"
    ):
        fetch_from(tmp_path, "good")
    assert server.asked == []


def test_a_file_in_the_way_is_named(server, fetch_from, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RuntimeError, match=f"cannot be written into {tmp_path}/file/folder: Not a"):
        fetch_from(tmp_path / "file" / "folder", "good")
    assert server.asked == []


# Other processes. Each fetches as the notebooks do, with the settings of this one.

FETCH = """
import json, sys, time
from pathlib import Path
from lrlib import fetch

settings, folder, stop = sys.argv[1:]
for name, value in json.loads(settings).items():
    setattr(fetch, name, value)
if stop:
    def write_half(file, content):
        with file.open("wb") as output:
            output.write(content[: len(content) // 2])
        print("half is written")
        time.sleep(60)
    Path.write_bytes = write_half
fetch._fetch(Path(folder), patient=False)
"""


@pytest.fixture
def start(server, archive):
    processes = []

    def start(folder, page, stop_while_unpacking=False):
        names = ("_ARCHIVE_MD5", "_ARCHIVE_BYTES", "_MD5")
        settings = {name: getattr(fetch, name) for name in names}
        settings["_ADDRESSES"] = [f"{server.address}/{page}"]
        stop = "stop" if stop_while_unpacking else ""
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", FETCH, json.dumps(settings), folder, stop],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def wait_for(process, words):
    for line in process.stdout:
        if words in line:
            return
    pytest.fail(f"the process ended before it said {words!r}: {process.stderr.read()}")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("unpacking", [False, True])
def test_what_a_stopped_process_leaves_is_not_taken_for_complete(
    stop, unpacking, start, server, fetch_from, contents, tmp_path
):
    process = start(tmp_path, "good" if unpacking else "falls_silent", unpacking)
    if unpacking:
        wait_for(process, "half is written")
    else:
        assert server.half_sent.wait(60)
    assert (tmp_path / ".cifar-10-unfinished").exists()
    process.send_signal(stop)
    process.wait(60)
    assert process.returncode != 0
    assert not (tmp_path / "cifar-10-batches-py").exists()
    if stop == signal.SIGINT:
        assert is_empty(tmp_path)
    fetch_from(tmp_path, "good")
    assert is_complete(tmp_path, contents)


def test_two_processes_that_start_together_fetch_once(start, server, contents, tmp_path):
    first = start(tmp_path, "waits")
    assert server.half_sent.wait(60)
    second = start(tmp_path, "waits")
    wait_for(second, "Another program is downloading CIFAR-10")
    server.go_on.set()
    assert first.wait(60) == second.wait(60) == 0
    assert server.asked == ["/waits"]
    assert is_complete(tmp_path, contents)


# What `data.load` makes of it


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Two empty places for the data: the folder of LRLIB_DATA, and the user's cache."""
    chosen, cache = tmp_path / "chosen", tmp_path / "cache"
    monkeypatch.setenv("LRLIB_DATA", str(chosen))
    monkeypatch.setenv("LRLIB_DATASET", "cifar10")
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: cache)
    return SimpleNamespace(chosen=chosen, cache=cache)


def test_sources_are_the_chosen_folder_then_the_cache_then_the_addresses(
    settings, server, fetch_from, monkeypatch
):
    monkeypatch.setattr(data, "_read_cifar10", lambda folder: folder.parent)
    monkeypatch.setattr(fetch, "_ADDRESSES", (f"{server.address}/good",))
    assert data._cifar10_or_stand_in() == settings.chosen
    assert server.asked == ["/good"]
    assert data._cifar10_or_stand_in() == settings.chosen
    (settings.chosen / "cifar-10-batches-py").rename(settings.chosen / "elsewhere")
    (settings.cache / "cifar-10-batches-py").mkdir(parents=True)
    assert data._cifar10_or_stand_in() == settings.cache
    assert server.asked == ["/good"]


def test_the_cache_holds_what_is_fetched_where_no_folder_is_chosen(
    settings, server, contents, monkeypatch
):
    monkeypatch.delenv("LRLIB_DATA")
    monkeypatch.setattr(data, "_VALIDATION_PER_CLASS", 2)
    monkeypatch.setattr(fetch, "_ADDRESSES", (f"{server.address}/good",))
    splits = data.load()
    assert splits.name == "CIFAR-10"
    assert [len(part.y) for part in (splits.train, splits.val, splits.test)] == [130, 20, 30]
    assert splits.test.y.tolist() == LABELS
    assert is_complete(settings.cache, contents)


@pytest.mark.parametrize("fault", ["address", "folder", "disk"])
@pytest.mark.parametrize("dataset", ["auto", "cifar10"])
def test_every_fault_says_how_to_bring_a_copy_by_hand(
    fault, dataset, settings, server, monkeypatch, capsys
):
    monkeypatch.setenv("LRLIB_DATASET", dataset)
    monkeypatch.setattr(fetch, "_ADDRESSES", (f"{server.address}/missing",))
    named = str(settings.chosen)
    if fault == "address":
        named = f"{server.address}/missing"
    elif fault == "folder":
        monkeypatch.setattr(Path, "mkdir", refuse(errno.EACCES, "Permission denied"))
    else:
        monkeypatch.setattr(fetch, "_stream", refuse(errno.ENOSPC, "No space left on device"))
    if dataset == "cifar10":
        with pytest.raises(RuntimeError) as raised:
            data.load()
        said = str(raised.value)
    else:
        draw = shapes10.draw
        monkeypatch.setattr(shapes10, "draw", lambda count, seed: draw(count // 5, seed))
        assert data.load().name == "Shapes-10"
        said = capsys.readouterr().out
        assert "=====\nShapes-10, the stand-in for CIFAR-10, is in use" in said
    assert named in said
    assert "To bring a copy by hand, unpack cifar-10-python.tar.gz" in said


def test_only_who_demands_cifar10_waits_for_a_slow_server(
    settings, server, contents, monkeypatch, capsys
):
    monkeypatch.setattr(data, "_read_cifar10", lambda folder: "CIFAR-10")
    monkeypatch.setattr(data, "_stand_in", lambda: "Shapes-10")
    monkeypatch.setattr(fetch, "_ADDRESSES", (f"{server.address}/slow",))
    monkeypatch.setattr(fetch, "_CRAWLS_AT_MOST", 0.2)
    monkeypatch.setattr(fetch, "_SLOWEST", 10**9)
    monkeypatch.setenv("LRLIB_DATASET", "auto")
    assert data._cifar10_or_stand_in() == "Shapes-10"
    assert "LRLIB_DATASET=cifar10" in capsys.readouterr().out
    monkeypatch.setenv("LRLIB_DATASET", "cifar10")
    assert data._cifar10_or_stand_in() == "CIFAR-10"
