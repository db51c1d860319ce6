"""The built-in roles permit what the product says, and nothing else."""

from __future__ import annotations

from collections import defaultdict

from tests.database.acting import Database

ROLES = [
    "owner",
    "admin",
    "manager",
    "inventory_manager",
    "designer",
    "staff",
    "readonly",
    "buyer",
    "supplier",
    "factory",
]

# One column per role, in the order above: a for all, o for own, s for assigned, . for nothing.
PERMITTED = {
    "workspace.manage": "a.........",
    "roles.manage": "a.........",
    "members.manage": "aa........",
    "invites.manage": "aa........",
    "audit.read": "aaa.......",
    "reports.read": "aaaa......",
    "analytics.read": "aaa.......",
    "inventory.read": "aaaaaaa...",
    "inventory.write": "aaaa......",
    "stock.move": "aaaa.a....",
    "designs.write": "aaa.a.....",
    "designs.delete": "aaa.o.....",
    "detect.use": "aaaaaa.aaa",
    "voice.use": "aaaaaa.aaa",
    "assistant.use": "aaaaaa.aaa",
    "quotes.write": "aaa..a.o..",
    "orders.read": "aaa..aaoss",
    "orders.write": "aaa....oss",
    "payments.start": "aaa....o..",
    "payments.refund": "aaa.......",
    "invoices.read": "aaa....o..",
    "invoices.write": "aaa.......",
    "email.send": "aaa..a....",
    # The product's table doesn't name it: colleagues see each other, people of other companies don't.
    "members.read": "aaaaaaa...",
    # Nor this: rate cards are what the business sells by.
    "rates.manage": "aaa.......",
}
SCOPES = {"a": "all", "o": "own", "s": "assigned"}


def test_built_in_roles_permit_what_the_product_says(migrated: Database) -> None:
    wanted = {
        (role, permission, SCOPES[letter])
        for permission, letters in PERMITTED.items()
        for role, letter in zip(ROLES, letters, strict=True)
        if letter != "."
    }
    assert (
        set(
            migrated.owner.rows("""
            select r.name, p.permission, p.scope
            from public.role_permissions as p join public.roles as r on r.id = p.role_id
            where r.workspace_id is null
        """)
        )
        == wanted
    )


def test_there_are_no_other_roles_and_permissions(migrated: Database) -> None:
    assert {name for (name,) in migrated.owner.rows("select name from public.roles")} == set(ROLES)
    assert {name for (name,) in migrated.owner.rows("select name from public.permissions")} == set(PERMITTED)


def test_a_permission_can_be_narrowed_only_as_a_built_in_role_narrows_it(migrated: Database) -> None:
    narrowed = defaultdict(set)
    for permission, letters in PERMITTED.items():
        narrowed[permission] = {SCOPES[letter] for letter in letters if letter != "."}
    scopes = migrated.owner.rows("select name, scopes from public.permissions")
    assert {name: set(allowed) for name, allowed in scopes} == narrowed


def test_permission_scope_says_all_own_assigned_or_nothing(db: Database) -> None:
    home = db.sign_up().workspace_id
    for number, role in enumerate(ROLES):
        person = db.member(home, role)
        for permission, letters in PERMITTED.items():
            found = db.owner.value("select private.permission_scope(%s, %s, %s)", home, permission, person.user_id)
            assert found == SCOPES.get(letters[number]), (role, permission)


def test_nothing_is_permitted_in_other_workspaces(db: Database) -> None:
    stranger, home = db.sign_up(), db.sign_up().workspace_id
    for permission in PERMITTED:
        assert db.owner.value("select private.permission_scope(%s, %s, %s)", home, permission, stranger.user_id) is None


def test_a_platform_admin_may_everything_everywhere(db: Database) -> None:
    admin, home = db.sign_up(), db.sign_up().workspace_id
    db.owner.rows("insert into public.platform_admins (user_id) values (%s)", admin.user_id)
    for permission in PERMITTED:
        assert db.owner.value("select private.permission_scope(%s, %s, %s)", home, permission, admin.user_id) == "all"
