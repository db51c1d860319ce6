"""What an invoice costs: from its content to the PDF with the XML in it, beside WeasyPrint setting a plain table."""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from statistics import median

from benchmarks.report import Bound, Report, ratio
from functions.invoice.document import Content
from functions.invoice.einvoice import to_xml
from functions.invoice.rendering import render
from tests.functions.invoice.making import content
from tests.functions.invoice.studios import goods, logo

CASES = {"one page": (6, 25, 100), "200 lines": (200, 7, 500)}  # lines, rounds, the most milliseconds
METHOD = (
    "CPU time of the process, all threads: medians of rounds in turns, warm (one page: 25, 200 lines: 7). Each round\n"
    "has an invoice of its own, so that only fonts and the logo are remembered. `PDF with XML` is all of it: the XML,\n"
    "the data, setting, PDF/A-3b, the metadata; `XML` is that part alone. WeasyPrint sets the same lines as a bare\n"
    "HTML table, without PDF/A, XML, logo, code to pay by or sums carried over. `of it`: the median of the rounds'\n"
    "own ratios."
)
PAGE = """<style>@page {{ size: A4; margin: 25mm 20mm }} body {{ font: 9pt sans-serif }} td {{ padding: 2mm }}</style>
<h1>{title}</h1><p>{buyer}</p><table>{rows}</table><p><b>{total}</b></p><footer>{seller}</footer>"""


def run() -> Report:
    """Measure both, in turns."""
    picture, rows, bounds = logo("#0f766e"), [], []
    works: dict[str, Callable[[Content], bytes]] = {
        "ours": lambda made: render(made, logo=picture, paid_on=None),
        "xml": to_xml,
        "beside": plainly,
    }
    for name, (lines, rounds, most) in CASES.items():
        invoices = [content(goods(lines, at), number=f"2026-{at:05}") for at in range(rounds + 2)]
        turns = [{kind: spent(work, made) for kind, work in works.items()} for made in invoices]
        # The first two load what all others find loaded.
        ours, xml, beside = ([turn[kind] for turn in turns[2:]] for kind in works)
        size = len(works["ours"](invoices[-1])) / 1000
        figures = (median(ours), median(xml), median(beside))
        rows.append([name, *(f"{each:.0f}" for each in figures), f"{ratio(ours, beside):.2f}", f"{size:.0f}"])
        bounds.append(Bound(f"CPU ms of an invoice of {name}, PDF with XML", median(ours), most))
    return Report("Invoices", METHOD, ["ms", "PDF with XML", "XML", "WeasyPrint", "of it", "kB"], rows, bounds)


def spent(work: Callable[[Content], bytes], made: Content) -> float:
    """Milliseconds of processors that it takes."""
    began = time.process_time()
    work(made)
    return (time.process_time() - began) * 1000


def plainly(made: Content) -> bytes:
    """The same lines by WeasyPrint."""
    from weasyprint import HTML

    rows = "".join(
        f"<tr><td>{line.position}<td>{html.escape(line.description)}<br><small>{html.escape(line.detail or '')}</small>"
        f"<td>{line.quantity}<td>{line.unit}<td>{line.rate}<td>{line.net_minor / 100:,.2f}</tr>"
        for line in made.lines
    )
    names = {"title": made.number, "buyer": html.escape(made.buyer.name), "seller": html.escape(made.seller.name)}
    return bytes(HTML(string=PAGE.format(rows=rows, total=made.payable_minor / 100, **names)).write_pdf())
