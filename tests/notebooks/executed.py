"""What an executed notebook shows, its widgets included."""

import json


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def widget_states(notebook):
    widgets = notebook.metadata.get("widgets", {})
    return widgets.get("application/vnd.jupyter.widget-state+json", {}).get("state", {})


def errors_in_widgets(notebook):
    """What a widget shows of the errors in its callbacks: nbmake does not see them."""
    states = [state["state"] for state in widget_states(notebook).values()]
    values = [str(state.get("value", "")) for state in states]
    outputs = [output for state in states for output in state.get("outputs", [])]
    return [
        *(value for value in values if 'class="lrlib-error"' in value),
        *(o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"),
    ]


def errors(notebook):
    in_cells = [output for output in outputs(notebook) if output["output_type"] == "error"]
    return in_cells + errors_in_widgets(notebook)


def texts(notebook):
    """All that it shows."""
    states = [state["state"] for state in widget_states(notebook).values()]
    shown = [(state.get("outputs", []), state.get("value", "")) for state in states]
    return json.dumps([outputs(notebook), shown])


def shown(cell):
    return "".join(
        "".join(output.get("data", {}).get("text/html", "")) for output in cell.get("outputs", [])
    )
