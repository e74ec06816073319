"""How outputs look where the book's style sheet is not: in JupyterLab, VS Code and Colab."""

import os

# Each has a contrast of at least 4.5 : 1 on a dark page. book/_static/lrlib.css has the same.
DARK = {
    "blue": "#6fb1f5",
    "orange": "#ff9d4d",
    "green": "#6cc46c",
    "red": "#ff8080",
    "purple": "#bd9bea",
    "brown": "#d0a08a",
    "pink": "#f090d0",
    "teal": "#4fc3d0",
    "grey": "#a8b0b8",
}
STYLE = f"""<style>
:is([data-jp-theme-light="false"], .vscode-dark, .vscode-high-contrast, html[theme="dark"]) {{
  {" ".join(f"--lrlib-{name}: {colour};" for name, colour in DARK.items())}
}}
.lrlib-question {{
  border: 1px solid #8888; border-radius: 0.5rem; padding: 0.5rem 1rem; margin: 0 0 0.5rem;
}}
.lrlib-question legend {{ float: left; width: 100%; padding: 0; font-weight: 600; }}
.lrlib-question legend + label {{ clear: both; }}
.lrlib-question label {{ display: flex; align-items: baseline; gap: 0.6rem; line-height: 1.7; }}
.lrlib-quiz [role="status"] p, .lrlib-score p, .lrlib-right, .lrlib-not-yet {{
  border-left: 0.25rem solid #8888; padding-left: 1rem; line-height: 1.5;
}}
</style>"""


def styled(text: str) -> str:
    """Give an output its styles, where it is no page of the book."""
    return text if os.environ.get("LRLIB_STATIC") else STYLE + text
