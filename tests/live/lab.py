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

# Only so that nothing hangs: a busy machine may take long to train, and to draw.
PATIENCE = 300_000  # milliseconds
expect.set_options(timeout=60_000)

# What a reader is asked at the first start would lie over the notebook, and would be asked outside.
SETTINGS = {"notification": {"fetchNews": "false", "checkForUpdates": False}}


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, Path]]:
    """Serve copies of the notebooks; gives the address, and the folder that holds them."""
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
        "OMP_WAIT_POLICY": "passive",  # threads that wait leave the cores to the browser
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
        yield f"{_address(server, home / 'runtime')}lab?token={token}&reset", notebooks
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

    def __init__(self, page: Page, path: Path) -> None:
        self.page, self.path = page, path
        self.cells = {cell["id"]: cell for cell in self._stored()}
        self._places = {id: place for place, id in enumerate(self.cells)}
        self._run: set[str] = set()
        open_file = "path => void jupyterapp.commands.execute('docmanager:open', {path})"
        page.evaluate(open_file, path.name)
        self._tab = page.locator(f".lm-TabBar-tab[title*='{path.name}']")
        self.panel = page.locator(f"#{self._tab.get_attribute('data-id')}")
        expect(self.panel.locator(".jp-Cell")).to_have_count(len(self.cells))
        self.panel.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()

    def _stored(self) -> list[dict]:
        return json.loads(self.path.read_text(encoding="utf-8"))["cells"]

    def show(self) -> None:
        """Bring the chapter's tab to the front."""
        if not self.panel.is_visible():
            self._tab.click()
            expect(self.panel).to_be_visible()

    def cell(self, id: str) -> Locator:
        self.show()
        return self.panel.locator(f"[data-windowed-list-index='{self._places[id]}']")

    def output(self, id: str) -> Locator:
        """What a cell shows. JupyterLab draws it when it comes into view."""
        self.cell(id).scroll_into_view_if_needed()
        return self.cell(id).locator(".jp-Cell-outputArea")

    def widget(self, id: str) -> Locator:
        """The controls that a cell shows, without the copy that stands below them."""
        return self.output(id).locator(".jp-OutputArea-output > .widget-vbox")

    def saved(self) -> dict[str, list]:
        """Save the notebook, and return the outputs that the file then has, by cell."""
        # Not by its button: nothing shows how long a notebook without changes is being written.
        self.page.evaluate(
            """id => jupyterapp.shell.widgets("main").find(panel => panel.id === id)
            .context.save()""",
            self.panel.get_attribute("id"),
        )
        return {cell["id"]: cell.get("outputs", []) for cell in self._stored()}

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

    def add(self, code: str) -> None:
        """Write a line of code into a new cell at the end, "added", and run it."""
        self.cell(list(self._places)[-1]).focus()
        self.page.keyboard.press("b")
        self.page.keyboard.press("Enter")
        self.page.keyboard.type(code)
        self.page.keyboard.press("Control+Enter")
        self._places["added"] = len(self._places)

    def run_all(self) -> None:
        """Start all cells; this does not wait."""
        self.show()
        self.menu("Run", "Run All Cells")
        self._run = set()  # who stops this knows what has run

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
