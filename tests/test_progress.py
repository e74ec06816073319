"""The progress bar: text, on standard output in a notebook, and gone when it is done."""

import sys
import types

from lrlib._progress import Bar


def printed(capsys):
    with Bar(3, "step") as bar:
        for _ in range(3):
            bar.update()
    return capsys.readouterr()


def test_in_a_notebook_it_is_no_widget_and_not_red(live, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    out, err = printed(capsys)
    assert "3/3" in out or "0/3" in out
    assert err == ""
    assert out.rpartition("\r")[0].endswith(" ")  # what it wrote last wipes the line
    assert out.endswith("\r")


def test_elsewhere_it_leaves_standard_output_to_results(live, monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    out, err = printed(capsys)
    assert out == ""
    assert "/3" in err


def test_a_page_has_none(static, capsys):
    assert printed(capsys) == ("", "")
