"""What makes a PDF with an attached XML a Factur-X (ZUGFeRD) invoice: its metadata say so.

Factur-X 1.07, section 6.2.2: four properties of a schema of its own, which PDF/A wants described in the same place.
"""

from __future__ import annotations

import io

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


def declared(pdf: bytes) -> bytes:
    """The PDF with the Factur-X properties among its metadata: the same bytes for the same PDF.

    Raises `ValueError` for a PDF whose metadata aren't as the typesetter writes them.
    """
    import pikepdf

    with pikepdf.open(io.BytesIO(pdf)) as document:
        metadata = document.Root.Metadata.read_bytes().decode()
        for end, addition in ((SCHEMAS_END, _schema()), (METADATA_END, _properties())):
            before, found, after = metadata.partition(end)
            if not found or end in after:
                raise ValueError(f"the metadata hold {end} not once")
            metadata = before + addition + found + after
        document.Root.Metadata.write(metadata.encode())
        file = io.BytesIO()
        document.save(file, deterministic_id=True, fix_metadata_version=False, compress_streams=False)
    return file.getvalue()


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
