"""What becomes of a mail that was accepted, as the sandbox can be told."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from local.sandbox.behaviours import Answering

Step: TypeAlias = tuple[str, dict[str, Any]]
"""An event's type and what it says beyond the mail itself: `("email.bounced", {"bounce": {…}})`."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What becomes of an accepted mail, for one recipient.

    `twice` sends each of its webhooks two times (one event, one `svix-id`), `backwards` sends the last one first.
    """

    twice: bool = False
    backwards: bool = False

    def steps(self) -> list[Step]:
        """Its events, in the order in which they happen."""
        return [("email.sent", {}), ("email.delivered", {})]


@dataclass(frozen=True)
class Delivers(Outcome):
    """Arrives."""


@dataclass(frozen=True)
class Opens(Outcome):
    """Arrives and is opened."""

    def steps(self) -> list[Step]:
        return [*super().steps(), ("email.opened", {})]


@dataclass(frozen=True)
class Clicks(Outcome):
    """Arrives, is opened, and a link in it is followed."""

    link: str

    def steps(self) -> list[Step]:
        click = {"ipAddress": "127.0.0.1", "link": self.link, "userAgent": "Sandbox/1.0"}
        return [*super().steps(), ("email.opened", {}), ("email.clicked", {"click": click})]


@dataclass(frozen=True)
class Complains(Outcome):
    """Arrives and is called spam; the address is suppressed from then on."""

    def steps(self) -> list[Step]:
        return [*super().steps(), ("email.complained", {})]


@dataclass(frozen=True)
class Bounces(Outcome):
    """Is refused by the recipient's server; where `type` is Permanent, the address is suppressed from then on."""

    type: Literal["Permanent", "Transient", "Undetermined"] = "Permanent"
    subtype: str = "General"
    message: str = "The recipient's email provider sent a hard bounce message."

    def steps(self) -> list[Step]:
        bounce = {"message": self.message, "subType": self.subtype, "type": self.type}
        return [("email.sent", {}), ("email.bounced", {"bounce": bounce})]


@dataclass(frozen=True)
class Delays(Outcome):
    """Is put off by the recipient's server (a soft bounce), then arrives, or bounces for good, or neither yet."""

    then: Literal["delivered", "bounced"] | None = "delivered"

    def steps(self) -> list[Step]:
        steps: list[Step] = [("email.sent", {}), ("email.delivery_delayed", {})]
        if self.then == "delivered":
            steps.append(("email.delivered", {}))
        elif self.then == "bounced":
            message = "The recipient's mailbox was full for too long."
            bounce = {"message": message, "subType": "MailboxFull", "type": "Transient"}
            steps.append(("email.bounced", {"bounce": bounce}))
        return steps


@dataclass(frozen=True)
class Suppresses(Outcome):
    """Is not sent at all, since the address bounced or complained before."""

    def steps(self) -> list[Step]:
        message = "The address bounced or complained before, so nothing is sent to it."
        return [("email.suppressed", {"suppressed": {"message": message, "type": "OnAccountSuppressionList"}})]


Behaviour: TypeAlias = Answering | Outcome
