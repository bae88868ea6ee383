"""HTML put together from parts, of which every text is escaped unless it is HTML already."""

import html
from collections.abc import Mapping
from typing import Any

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; font: 16px/1.5 system-ui, sans-serif; color: #222; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0.5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 0.25rem; padding-top: 0.75rem; border-top: 1px solid #ddd;
     overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 1.5rem 0 0.25rem; }
p { margin: 0.25rem 0 0.75rem; max-width: 42rem; color: #555; overflow-wrap: anywhere; }
.numbers { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 0.5rem; }
.numbers div { background: #f4f6f9; border-radius: 0.4rem; padding: 0.5rem 0.75rem; }
.numbers b { display: block; font-size: 1.3rem; }
.numbers span { font-size: 0.8rem; line-height: 1.3; display: block; color: #555; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
.charts img { width: 27rem; max-width: 100%; height: auto; }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 0 1.5rem; align-items: end; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(6.5rem, 1fr)); gap: 0.6rem; }
.pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); gap: 0.9rem; }
.pairs .pictures { display: grid; grid-template-columns: 1fr 1fr; gap: 0.3rem; }
.objects { display: flex; flex-wrap: wrap; gap: 0.25rem; }
.objects svg { height: 3.2rem; width: auto; max-width: 8rem; }
figure { margin: 0; break-inside: avoid; }
figcaption { font-size: 0.8rem; line-height: 1.3; color: #444; margin-top: 0.15rem; overflow-wrap: anywhere; }
svg { display: block; width: 100%; height: auto; background: #eee; }
.box { fill: none; stroke-width: 2px; vector-effect: non-scaling-stroke; }
.true { stroke: #888; stroke-dasharray: 3 3; }
table { border-collapse: collapse; margin: 0.5rem 0; font-variant-numeric: tabular-nums; }
td, th { padding: 0.25rem 0.6rem; text-align: right; font-weight: normal; border-bottom: 1px solid #e5e5e5; }
thead th, tbody th { color: #555; }
.settings { columns: 19rem; }
.settings div { display: flex; justify-content: space-between; gap: 1rem; font-size: 0.85rem; break-inside: avoid;
                border-bottom: 1px solid #eee; }
.settings span { overflow-wrap: anywhere; text-align: right; }
@media print {
  body { max-width: none; padding: 0; font-size: 11pt; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  h2, h3 { break-after: avoid; }
}
"""

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What a browser is told to load for the page: nothing from outside it, and no script."""

VOID = ("img", "meta")
"""Elements without an end."""


class Html(str):
    """Text that is HTML already."""


def tag(name: str, *children: str, **attributes: str | int) -> Html:
    """An element with its attributes and children, each escaped unless it is `Html`.

    An underscore at the end of an attribute's name is left out, any other becomes a hyphen: `class_`, `http_equiv`.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"' for key, value in attributes.items()
    )
    inside = "".join(child if isinstance(child, Html) else html.escape(child) for child in children)
    return Html(f"<{name}{written}>" if name in VOID else f"<{name}{written}>{inside}</{name}>")


def numbers(values: Mapping[str, str]) -> Html:
    """Measurements as large numbers, each with its name."""
    return tag(
        "div", *(tag("div", tag("b", said), tag("span", name)) for name, said in values.items()), class_="numbers"
    )


def settings(values: Mapping[str, Any]) -> Html:
    """Settings by name, in columns."""
    rows = (tag("div", name, tag("span", _plain(value))) for name, value in values.items())
    return tag("div", *rows, class_="settings")


def captioned(shown: Html, caption: str) -> Html:
    """A picture with its caption."""
    return tag("figure", shown, tag("figcaption", caption))


def document(title: str, *body: str) -> str:
    """A whole page that needs nothing but itself."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Html(STYLE)),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, tag('body', *body), lang='en')}\n"


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
