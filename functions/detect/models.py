"""What detect takes and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from shared import money
from shared.ai.answers import Told
from shared.models import SPACES, WHOLE, Answer, Body, Page, Query

Kind = Literal["collectible", "pantry", "apparel", "balloon", "document", "general"]
ImageType = Literal["image/jpeg", "image/png", "image/webp", "image/gif", "image/heic", "image/heif", "image/avif"]

MOST_IMAGES = 10


# `looking.decoded` holds it, and says better what is wrong; here it is said to clients.
BASE64 = r"^(data:image/[^,]*;base64,)?([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
Image = Annotated[str, Field(min_length=1, json_schema_extra={"pattern": BASE64, "contentEncoding": "base64"})]


def only(one: str, other: str) -> dict[str, Any]:
    """A JSON schema: the one field is text, and the other isn't."""
    return {"required": [one], "properties": {one: {"type": "string"}, other: {"type": "null"}}}


class Photo(Body):
    """An image, as base64 or as a data URL, or the `image_path` of an upload; and what it is a photo of.

    `local_only`: no provider is asked, nothing leaves this deployment, nothing is spent.
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": [only("image", "image_path"), only("image_path", "image")]})

    image: Image | None = None
    image_path: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    prompt: Annotated[str, Field(max_length=500)] = ""
    kind: Kind = "general"
    local_only: bool = False

    @model_validator(mode="after")
    def _one_of_them(self) -> Photo:
        if (self.image is None) == (self.image_path is None):
            raise ValueError("name either image or image_path")
        return self


class Batch(Body):
    """Up to ten photos, each as if it were sent alone."""

    images: Annotated[list[Photo], Field(min_length=1, max_length=MOST_IMAGES)]


class NewUpload(Body):
    """What will be uploaded."""

    content_type: ImageType


class Upload(Answer):
    """PUT the bytes to `upload_url` within two hours, then send `image_path` to detect, which removes the file."""

    image_path: str
    upload_url: str
    largest_bytes: int


def _known_currency(code: str) -> str:
    money.decimals(code)
    return code


# Text that can be shown: no control characters but line breaks and tabs.
UNSHOWN = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
SHOWN = f"^[^{UNSHOWN}]*$"
SAYING = rf"^[^{UNSHOWN}]*[^{UNSHOWN}\t\n\u2028\u2029{SPACES}][^{UNSHOWN}]*$"

Fraction = Annotated[float, Field(ge=0, le=1), AfterValidator(lambda fraction: round(fraction, 4))]
Quantity = Annotated[int, Field(ge=1, le=1_000_000), WHOLE]
ItemName = Annotated[str, StringConstraints(max_length=200, pattern=SAYING), AfterValidator(str.strip)]
Short = Annotated[str, StringConstraints(max_length=200, pattern=SHOWN), AfterValidator(str.strip)]
Long = Annotated[str, StringConstraints(max_length=5000, pattern=SHOWN), AfterValidator(str.strip)]


class Money(Told):
    """An amount in minor units (cents) of an ISO 4217 currency."""

    amount_minor: Annotated[int, Field(ge=0, le=10**12)]
    currency: Annotated[str, AfterValidator(_known_currency)]


class Barcode(Told):
    """A code that was read, and its symbology as the W3C Barcode Detection API spells it (ean_13, qr_code, …)."""

    format: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]
    text: Annotated[str, StringConstraints(min_length=1, max_length=7100, pattern=SHOWN)]


class Item(Told):
    """Something seen. `box` is [x, y, width, height] in 0..1 of the upright image."""

    name: ItemName
    type: Short
    quantity: Quantity
    confidence: Fraction
    description: Long | None = None
    series: Short | None = None
    condition: Short | None = None
    brand: Short | None = None
    estimated_value: Money | None = None
    tags: Annotated[list[Short], Field(max_length=100, default_factory=list)]
    barcode: Barcode | None = None
    text: Long | None = None
    box: Annotated[list[Fraction], Field(min_length=4, max_length=4)] | None = None


class Sighting(Told):
    """What an engine says a photo shows. Confidence is 0..1; an empty photo has no items and 0."""

    items: Annotated[list[Item], Field(max_length=200)]
    text: Annotated[str, StringConstraints(max_length=20_000, pattern=SHOWN)]
    confidence: Fraction


class CorrectedItem(Body):
    """A thing that is truly there."""

    name: ItemName
    quantity: Quantity = 1
    type: Short | None = None
    tags: Annotated[list[Short], Field(max_length=100, default_factory=list)]


class Detection(Answer):
    """What a photo shows, and where that comes from.

    `cost_micro_usd`: what the providers asked for it, in millionths of a dollar, those that failed included.
    `fallback_reason`: who was asked first and why that failed, as `gemini: timeout; anthropic: circuit_open`.
    `cached`: the same photo and question were answered within the last day; nothing was asked or spent again, and all
    else is as it was then.
    """

    detection_id: UUID
    kind: str
    items: list[Item]
    text: str
    confidence: float
    processing_time_ms: int
    provider: str
    model: str
    cost_micro_usd: int
    fallback_reason: str | None
    cached: bool
    created_at: datetime


class ReadDetection(Detection):
    """A detection, with what a person said the photo truly shows."""

    corrected_items: list[CorrectedItem] | None


class Outcome(Answer):
    """What became of one photo of a batch: its HTTP status, and the detection or what is wrong (RFC 9457).

    `retry_after_seconds`: when to send it again, where that is known.
    """

    status: int
    retry_after_seconds: int | None = None
    detection: Detection | None = None
    problem: dict[str, object] | None = None


class Outcomes(Answer):
    """One outcome for each photo, in the order sent."""

    data: list[Outcome]


class Detections(Answer):
    """A page of detections, newest first."""

    data: list[Detection]
    next_cursor: str | None


class NewCorrection(Body):
    """All that the photo truly shows."""

    items: Annotated[list[CorrectedItem], Field(max_length=200)]


class Correction(Answer):
    """A correction, and the units detected, present, and both."""

    detection_id: UUID
    items: list[CorrectedItem]
    detected: int
    present: int
    correct: int
    created_at: datetime


class Accuracy(Answer):
    """Over corrected detections: precision is correct/detected, recall correct/present; null where nothing was."""

    corrected: int
    detected: int
    present: int
    correct: int
    precision: float | None
    recall: float | None


class PartAccuracy(Accuracy):
    """Of one kind of photo by one provider."""

    kind: str
    provider: str


class Accuracies(Answer):
    """By kind and provider, and altogether."""

    data: list[PartAccuracy]
    total: Accuracy


class InWorkspace(Query):
    """The workspace meant; the caller's default where it is left out."""

    workspace_id: UUID | None = None


class DetectionPage(Page, InWorkspace):
    """A page of a workspace's detections."""
