"""How right detections were: precision and recall, by kind and provider."""

from __future__ import annotations

from typing import Any

import pytest

from tests.database.acting import Database, Person
from tests.database.detecting import MUGS, correct, made_by, told, units


class TestAccuracy:
    def test_by_kind_and_provider_and_altogether(self, db: Database, owner: Person) -> None:
        said = [
            # (kind, provider, found, truly there): units detected, present, correct
            ("pantry", "gemini", units(mug=3, cup=1), units(mug=2, cup=2)),  # 4 4 3
            ("pantry", "gemini", units(spoon=5), units(fork=2)),  # 5 2 0
            ("pantry", "local", units(mug=1), units(mug=1)),  # 1 1 1
            ("apparel", "local", [], units(shirt=3)),  # 0 3 0
            ("general", "local", units(thing=2), []),  # 2 0 0
        ]
        for kind, provider, found, true in said:
            correct(owner, made_by(db, owner, kind=kind, provider=provider, items=found), true)
        made_by(db, owner, kind="document", items=MUGS)  # nobody said anything about it
        stranger = db.sign_up()
        correct(stranger, made_by(db, stranger, items=MUGS), MUGS)

        def part(corrected: int, detected: int, present: int, right: int, *ratios: float | None) -> dict[str, Any]:
            counts = {"corrected": corrected, "detected": detected, "present": present, "correct": right}
            return {**counts, "precision": ratios[0], "recall": ratios[1]}

        answer = owner.call("detection_accuracy", workspace_id=owner.home)
        assert answer["status"] == 200
        assert answer["body"] == {
            "data": [
                {"kind": "apparel", "provider": "local", **part(1, 0, 3, 0, None, 0)},
                {"kind": "general", "provider": "local", **part(1, 2, 0, 0, 0, None)},
                {"kind": "pantry", "provider": "gemini", **part(2, 9, 6, 3, 0.3333, 0.5)},
                {"kind": "pantry", "provider": "local", **part(1, 1, 1, 1, 1, 1)},
            ],
            "total": part(5, 12, 10, 4, 0.3333, 0.4),
        }
        assert owner.call("detection_accuracy")["body"] == answer["body"], "the default workspace"

    def test_of_nothing(self, db: Database, owner: Person) -> None:
        nothing = {"corrected": 0, "detected": 0, "present": 0, "correct": 0, "precision": None, "recall": None}
        assert owner.call("detection_accuracy")["body"] == {"data": [], "total": nothing}

    def test_a_correction_said_again_counts_once(self, db: Database, owner: Person) -> None:
        made = made_by(db, owner, items=MUGS)
        for quantity in (1, 4):
            correct(owner, made, units(mug=quantity))
        total = owner.call("detection_accuracy")["body"]["total"]
        assert total == {"corrected": 1, "detected": 2, "present": 4, "correct": 2, "precision": 1, "recall": 0.5}

    @pytest.mark.parametrize(
        ("role", "status"), [("manager", 200), ("inventory_manager", 200), ("staff", 403), ("buyer", 403)]
    )
    def test_is_for_who_reads_reports(self, db: Database, owner: Person, role: str, status: int) -> None:
        person = db.member(owner.workspace_id, role)
        assert person.call("detection_accuracy", workspace_id=owner.home)["status"] == status
        denied = told(db, owner.workspace_id, "access.denied")
        assert denied == ([] if status == 200 else [(person.user_id, owner.home, {"permission": "reports.read"})])
