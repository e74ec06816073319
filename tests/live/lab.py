"""A JupyterLab of its own on 127.0.0.1, and a chapter that is open in it."""

import json
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from environments import ROOT, without
from playwright.sync_api import Locator, Page, expect

# Only so that nothing hangs: a busy machine may take long.
PATIENCE = 240_000  # milliseconds

# What a reader is asked at the first start would lie over the notebook, and would be asked outside.
SETTINGS = {"notification": {"fetchNews": "false", "checkForUpdates": False}}


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve copies of the notebooks from a folder, with a home of their own; gives the address."""
    home, notebooks = folder / "home", folder / "notebooks"
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    for name, values in SETTINGS.items():
        (settings / f"{name}.jupyterlab-settings").write_text(json.dumps(values), encoding="utf-8")
    notebooks.mkdir()
    for path in ROOT.glob("notebooks/*.ipynb"):
        shutil.copy(path, notebooks)
    token = secrets.token_hex()
    own = {
        "HOME": str(home),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTER_TOKEN": token,
        "LRLIB_DATASET": "shapes10",
        "PYTHONPATH": str(ROOT),
    }
    options = {
        "ip": "127.0.0.1",
        "port": "0",  # any that is free
        "ServerApp.root_dir": str(notebooks),
        "LabApp.expose_app_in_browser": "True",
        "LabApp.extension_manager": "readonly",
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--{name}={value}" for name, value in options.items()]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command,
            env={**without("LRLIB_", "JUPYTER", "IPYTHON", "XDG_"), **own},
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield f"{_address(server, home / 'runtime')}lab?token={token}&reset"
    finally:
        server.terminate()  # it ends its kernels
        server.wait(60)


def _address(server: subprocess.Popen[bytes], runtime: Path) -> str:
    """Wait until the server has written down where it listens."""
    note = runtime / f"jpserver-{server.pid}.json"
    end = time.monotonic() + PATIENCE / 1000
    while not note.exists():
        assert server.poll() is None, "JupyterLab did not start: see server.log"
        assert time.monotonic() < end, "JupyterLab has not started: see server.log"
        time.sleep(0.1)
    time.sleep(0.1)  # the note may not be whole yet
    return json.loads(note.read_text(encoding="utf-8"))["url"]


class Chapter:
    """A notebook in a tab of JupyterLab. Its cells go by the ids that they have in the file."""

    def __init__(self, page: Page, name: str) -> None:
        file = f"{name}.ipynb"
        self.page, self.name = page, name
        cells = json.loads((ROOT / "notebooks" / file).read_text(encoding="utf-8"))["cells"]
        self.cells = {cell["id"]: cell for cell in cells}
        self._places = {id: place for place, id in enumerate(self.cells)}
        self._run: set[str] = set()
        page.locator(f".jp-DirListing-item[title*='{file}']").dblclick()
        page.locator(f".jp-mod-current[title*='{file}']").wait_for(timeout=PATIENCE)
        self.panel = page.locator(f"#{page.evaluate('jupyterapp.shell.currentWidget.id')}")
        self.show()
        expect(self.panel.locator(".jp-Cell")).to_have_count(len(cells), timeout=PATIENCE)
        self._idle_kernel()

    def _idle_kernel(self) -> None:
        idle = self.panel.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")
        idle.wait_for(timeout=PATIENCE)

    def show(self) -> None:
        """Bring the chapter's tab to the front."""
        id = self.panel.get_attribute("id")
        self.page.evaluate("id => jupyterapp.shell.activateById(id)", id)
        self.panel.wait_for(timeout=PATIENCE)

    def cell(self, id: str) -> Locator:
        return self.panel.locator(f"[data-windowed-list-index='{self._places[id]}']")

    def output(self, id: str) -> Locator:
        return self.cell(id).locator(".jp-Cell-outputArea")

    def start(self, id: str) -> None:
        """Select a cell and run it, with the keyboard."""
        cell = self.cell(id)
        cell.scroll_into_view_if_needed()
        cell.focus()
        self.page.keyboard.press("Control+Enter")

    def run(self, *ids: str) -> None:
        """Run those of the cells that have not run, and wait until all have ended."""
        for id in ids:
            if id not in self._run:
                self.start(id)
                self._run.add(id)
        self.wait()

    def wait(self) -> None:
        """Wait until no cell runs and none waits."""
        self.page.wait_for_function(
            """id => [...jupyterapp.shell.widgets("main")].find(panel => panel.id === id)
            .content.widgets.every(cell => cell.model.executionState !== "running")""",
            arg=self.panel.get_attribute("id"),
            timeout=PATIENCE,
        )

    def menu(self, *names: str) -> None:
        """Choose what a menu has, such as Run, Run All Cells."""
        for name in names:
            self.page.get_by_role("menuitem", name=name, exact=True).click()
