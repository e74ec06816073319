"""How outputs look where the book's style sheet is not: in JupyterLab, VS Code and Colab."""

import os

# Each has a contrast of at least 4.5 : 1 on a dark page. book/_static/lrlib.css has the same.
DARK = {
    "blue": "#2fa9ee",
    "orange": "#fabd4f",
    "green": "#3db86a",
    "red": "#fe7389",
    "purple": "#ac86f7",
    "brown": "#cc8d47",
    "pink": "#fba8fb",
    "teal": "#58ecf0",
    "grey": "#b4b6bb",
}
STYLE = f"""<style>
:is([data-jp-theme-light="false"], .vscode-dark, .vscode-high-contrast, html[theme="dark"]) {{
  {" ".join(f"--lrlib-{name}: {colour};" for name, colour in DARK.items())}
}}
.jp-Notebook .jp-RenderedText pre {{ word-break: normal; overflow-wrap: anywhere; }}
.lrlib-question {{
  border: 1px solid #8888; border-radius: 0.5rem; padding: 0.5rem 1rem; margin: 0 0 0.5rem;
}}
.lrlib-question legend {{ float: left; width: 100%; padding: 0; font-weight: 600; }}
.lrlib-question legend + label {{ clear: both; }}
.lrlib-question label {{ display: flex; align-items: baseline; gap: 0.6rem; line-height: 1.7; }}
.lrlib-quiz [role="status"] p, .lrlib-score p, .lrlib-right, .lrlib-not-yet {{
  border-left: 0.25rem solid #8888; padding-left: 1rem; line-height: 1.5;
}}
.lrlib-claims {{ list-style: none !important; padding-left: 0 !important; }}
.lrlib-claim {{ border-left: 0.25rem solid #8888; padding-left: 1rem; margin-bottom: 0.75rem; }}
.lrlib-holds, .lrlib-right {{ border-color: var(--lrlib-green, #1a7f37); }}
.lrlib-fails, .lrlib-not-yet {{ border-color: var(--lrlib-red, #c8102e); }}
strong.lrlib-holds {{ color: var(--lrlib-green, #1a7f37); }}
strong.lrlib-fails {{ color: var(--lrlib-red, #c8102e); }}
</style>"""


def styled(text: str) -> str:
    """Give an output its styles, where it is no page of the book."""
    return text if os.environ.get("LRLIB_STATIC") else STYLE + text
