"""What makes a PDF with an attached XML a Factur-X (ZUGFeRD) invoice: its metadata say so.

Factur-X 1.07, section 6.2.2: four properties of a schema of its own, which PDF/A wants described in the same place.
They are appended as an incremental update (ISO 32000-1, 7.5.6), which leaves the typesetter's file as it is. A library
would read and write all of it anew: of many pages that takes half as long as setting them.
"""

from __future__ import annotations

import re

FILE_NAME = "factur-x.xml"
NAMESPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
PROPERTIES = (
    ("DocumentFileName", FILE_NAME, "Name of the embedded XML invoice"),
    ("DocumentType", "INVOICE", "Kind of the hybrid document"),
    ("Version", "1.0", "Version of the Factur-X standard of the embedded XML"),
    ("ConformanceLevel", "EN 16931", "Factur-X profile of the embedded XML"),
)
# Where the typesetter's own metadata take more.
SCHEMAS_END, METADATA_END = "</rdf:Bag></pdfaExtension:schemas>", "</rdf:RDF>"
# As the typesetter writes a file: a plain cross-reference table at its end, metadata as plain text.
END = re.compile(rb"\ntrailer\n<<(/Size [^<>]*/ID\[\([^)]*\)\([^)]*\)\])>>\nstartxref\n(\d+)\n%%EOF\s*\Z")
METADATA = re.compile(rb"\n(\d+) 0 obj\n<</Length (\d+)/Type/Metadata/Subtype/XML>>\nstream\n")


def declared(pdf: bytes) -> bytes:
    """The PDF with the Factur-X properties among its metadata: the same bytes for the same PDF.

    Raises `ValueError` for a PDF that isn't as the typesetter writes it.
    """
    end, objects = END.search(pdf), list(METADATA.finditer(pdf))
    if end is None or len(objects) != 1:
        raise ValueError("not a file of the typesetter's")
    number, length, start = int(objects[0][1]), int(objects[0][2]), objects[0].end()
    metadata = extended(pdf[start : start + length].decode()).encode()
    at = len(pdf) + 1
    update = b"%d 0 obj\n<</Length %d/Type/Metadata/Subtype/XML>>\nstream\n%b\nendstream\nendobj\n"
    update %= number, len(metadata), metadata
    references = b"xref\n%d 1\n%010d 00000 n\r\ntrailer\n<<%b/Prev %b>>\nstartxref\n%d\n%%%%EOF\n"
    references %= number, at, end[1], end[2], at + len(update)
    return pdf + b"\n" + update + references


def extended(metadata: str) -> str:
    """XMP metadata with the properties, and the description of their schema."""
    for end, addition in ((SCHEMAS_END, _schema()), (METADATA_END, _properties())):
        before, found, after = metadata.partition(end)
        if not found or end in after:
            raise ValueError(f"the metadata hold {end} not once")
        metadata = before + addition + found + after
    return metadata


def _schema() -> str:
    """What the properties are, as PDF/A's extension schemas describe it."""
    described = "".join(
        f'<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>'
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{description}</pdfaProperty:description></rdf:li>"
        for name, _, description in PROPERTIES
    )
    return (
        '<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>'
        f"<pdfaSchema:namespaceURI>{NAMESPACE}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{described}</rdf:Seq></pdfaSchema:property></rdf:li>"
    )


def _properties() -> str:
    values = "".join(f"<fx:{name}>{value}</fx:{name}>" for name, value, _ in PROPERTIES)
    return f'<rdf:Description rdf:about="" xmlns:fx="{NAMESPACE}">{values}</rdf:Description>'
