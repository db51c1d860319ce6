"""The PDF as a file: PDF/A-3b with the XML in it, the same bytes each time.

No validator of PDF/A can be had from a registry we install from, so these are the standard's essentials (ISO 19005-3),
looked up one by one. The typesetter itself refuses to write what breaks the others.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest
from lxml import etree

from functions.invoice import hybrid
from functions.invoice.document import Content
from functions.invoice.einvoice import to_xml
from functions.invoice.expressing import NotExpressible
from functions.invoice.rendering import render, render_quote
from tests.functions.invoice.making import any_content, content, line
from tests.functions.invoice.reading import embedded, metadata, opened
from tests.functions.invoice.samples import SAMPLES
from tests.functions.invoice.studios import logo
from tests.functions.invoice.test_quote_pages import quote
from tests.functions.invoice.validating import broken_rules

ROOT = Path(__file__).resolve().parents[3]


def ordinary(**fields: Any) -> Content:
    return content([line("Hoodie", 119_000, quantity="100")], **fields)


class TestHybrid:
    @pytest.mark.parametrize("seed", range(6))
    def test_the_embedded_xml_is_the_e_invoice(self, seed: int) -> None:
        made = any_content(Random(seed))
        held = embedded(render(made, logo=None, paid_on=None))
        assert held == to_xml(made)
        assert broken_rules(held) == []

    def test_the_metadata_say_which_profile_it_is_of(self) -> None:
        packet = etree.fromstring(metadata(render(ordinary(), logo=None, paid_on=None)).encode())
        found = {name: packet.findtext(f".//{{{hybrid.NAMESPACE}}}{name}") for name, _, _ in hybrid.PROPERTIES}
        assert found == {
            "DocumentFileName": "factur-x.xml",
            "DocumentType": "INVOICE",
            "Version": "1.0",
            "ConformanceLevel": "EN 16931",
        }

    def test_the_metadata_describe_the_schema_of_these_properties(self) -> None:
        """Else they would not be allowed in PDF/A (ISO 19005-3, 6.6.2.3): in one list with the typesetter's own."""
        packet = etree.fromstring(metadata(render(ordinary(), logo=None, paid_on=None)).encode())
        extension = "{http://www.aiim.org/pdfa/ns/extension/}schemas"
        schema = "{http://www.aiim.org/pdfa/ns/schema#}"
        assert len(packet.findall(f".//{extension}")) == 1
        namespaces = [each.text for each in packet.iterfind(f".//{schema}namespaceURI")]
        assert namespaces.count(hybrid.NAMESPACE) == 1
        names = [each.text for each in packet.iterfind(".//{http://www.aiim.org/pdfa/ns/property#}name")]
        assert set(names) >= {name for name, _, _ in hybrid.PROPERTIES}

    @pytest.mark.parametrize("kind", ["proforma", "three decimals"])
    def test_what_the_standard_has_no_words_for_is_a_pdf_without_xml(self, kind: str) -> None:
        made = ordinary(kind="proforma") if kind == "proforma" else ordinary(currency="KWD")
        if kind != "proforma":
            made = content([line("Arch", 1_005, "0", category="G")], currency="KWD")
        with pytest.raises(NotExpressible):
            to_xml(made)
        pdf = render(made, logo=None, paid_on=None)
        document = opened(pdf)
        assert not list(document.attachments)
        assert "factur-x" not in metadata(pdf)

    @pytest.mark.parametrize("pdf", [b"", b"%PDF-1.7\n%%EOF", b"\ntrailer\n<<>>\nstartxref\n0\n%%EOF"])
    def test_a_file_that_the_typesetter_did_not_write_is_refused(self, pdf: bytes) -> None:
        with pytest.raises(ValueError, match="typesetter"):
            hybrid.declared(pdf)


class TestArchivable:
    @pytest.mark.parametrize("name", SAMPLES)
    def test_the_essentials_of_pdf_a_3b(self, name: str) -> None:
        pdf = SAMPLES[name]()
        document = opened(pdf)
        assert document.check_pdf_syntax() == []
        assert not document.is_encrypted
        packet = metadata(pdf)
        assert "<pdfaid:part>3</pdfaid:part>" in packet
        assert "<pdfaid:conformance>B</pdfaid:conformance>" in packet
        assert "/Filter" not in document.Root.Metadata
        (intent,) = document.Root.OutputIntents
        assert intent.S == "/GTS_PDFA1"
        assert intent.DestOutputProfile.read_bytes()[36:40] == b"acsp"
        assert len(document.trailer.ID) == 2
        for each in document.objects:
            if hasattr(each, "get") and each.get("/Type") == "/Font" and "/FontDescriptor" in each:
                held = {"/FontFile", "/FontFile2", "/FontFile3"} & set(each.FontDescriptor.keys())
                assert held, f"{each.BaseFont} is not embedded"
                assert not str(each.BaseFont).endswith("Libertinus"), "a font that isn't ours"
        forbidden = {"/JavaScript", "/Launch", "/Sound", "/Movie", "/ResetForm", "/ImportData"}
        assert not {str(each.get("/S")) for each in document.objects if hasattr(each, "get")} & forbidden

    def test_the_xml_is_attached_as_the_same_invoice(self) -> None:
        document = opened(render(ordinary(), logo=None, paid_on=None))
        (file,) = document.Root.AF
        assert file.AFRelationship == "/Alternative"
        assert file.F == file.UF == "factur-x.xml"
        assert file.EF.F.Subtype == "/text/xml"
        assert "/ModDate" in file.EF.F.Params
        names = document.Root.Names.EmbeddedFiles.Names
        assert names[0] == "factur-x.xml"

    def test_it_says_its_language_and_title(self) -> None:
        document = opened(render(ordinary(language="fr"), logo=None, paid_on=None))
        assert document.Root.Lang == "fr"
        assert document.docinfo.Title == "Facture 2026-00042"
        assert document.Root.MarkInfo.Marked


ONE_RENDERING = """
import hashlib, time
from datetime import date
from random import Random
from functions.invoice.rendering import render, render_quote
from tests.functions.invoice.making import any_content
from tests.functions.invoice.studios import logo
from tests.functions.invoice.test_quote_pages import quote
for seed in (3, 4):
    made = any_content(Random(seed))
    print(hashlib.sha256(render(made, logo=logo("#0f766e"), paid_on=date(2027, 1, 2))).hexdigest())
print(hashlib.sha256(render_quote(quote(), logo=logo("#0f766e"))).hexdigest())
"""


class TestSameBytes:
    def test_in_another_process_elsewhere_and_with_other_hashes(self) -> None:
        answers = {
            subprocess.run(
                [sys.executable, "-c", ONE_RENDERING],
                cwd=ROOT,
                env={"PYTHONPATH": str(ROOT), "TZ": zone, "PYTHONHASHSEED": seed},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for zone, seed in (("Pacific/Kiritimati", "1"), ("America/Anchorage", "2"))
        }
        assert len(answers) == 1

    def test_in_eight_threads_at_once(self) -> None:
        made = [any_content(Random(seed)) for seed in range(8)]
        with ThreadPoolExecutor(8) as threads:
            at_once = list(threads.map(lambda each: render(each, logo=None, paid_on=None), made))
        assert at_once == [render(each, logo=None, paid_on=None) for each in made]

    def test_and_other_bytes_for_other_words(self) -> None:
        shas = {
            hashlib.sha256(render(ordinary(number=number), logo=None, paid_on=None)).hexdigest()
            for number in ("1", "2")
        }
        assert len(shas) == 2
        assert render_quote(quote(), logo=None) != render_quote(quote(), logo=logo("#0f766e"))

    def test_it_is_dated_when_it_was_issued(self) -> None:
        pdf = render(ordinary(), logo=None, paid_on=None)
        document = opened(pdf)
        assert document.docinfo.CreationDate == "D:20261121000000Z"
        assert "2026-11-21T00:00:00" in metadata(pdf)
