"""The rules of the house that no type checker knows."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = sorted(path.parent for path in ROOT.glob("functions/*/handler.py"))
NAMES = [folder.name for folder in FUNCTIONS]

# The modules that go past row-level security, each with its reason.
SERVICE_USERS = {
    "shared/audit.py",  # appends to a log nobody may write
    "shared/limits.py",  # limits and idempotency must not be the caller's to change
    "functions/auth/accounts.py",  # asks whether an invite works, for somebody who is nobody yet
    "functions/bootstrap_admin/handler.py",  # makes the first admin
    "functions/detect/handler.py",  # records: a person who could would skip the limit
    "functions/jobs/running.py",  # begins and ends runs
    "functions/jobs/slack.py",  # takes messages from the outbox
    "functions/jobs/purging.py",  # deletes what is over
    "functions/jobs/sweeping.py",  # finds what nobody asked about
    "functions/jobs/watching.py",  # raises alerts
    "functions/detect/looking.py",  # finds today's answer of whoever asked the same
    "functions/email_service/delivering.py",  # delivers for everybody
    "functions/email_service/handler.py",  # queues: it knows what a mail is made of; hears the provider, and recipients
    "functions/orders/handler.py",  # tells whoever has the link how far an order is
    "functions/jobs/expiring.py",  # works for everybody, as all jobs do
    "functions/jobs/refreshing.py",
    "functions/invoice/handler.py",  # VAT ids and IBANs are checked here: nobody enters one past it
    "functions/invoice/delivering.py",  # renders everybody's
    "functions/invoice/keeping.py",
    "functions/jobs/reminding.py",
    "functions/payment_intent/handler.py",  # guests have no identity there: the order's token stands for them
    "functions/payment_intent/reconciling.py",  # compares everybody's payments
    "functions/payment_intent/refunding.py",
    "functions/payment_intent/starting.py",  # writes down what Stripe says: nobody's to say but Stripe's
    "functions/stripe_webhook/handler.py",
    "functions/quote_generator/handler.py",  # a price is computed by us alone; guests have no identity there
    "shared/ai/ledger.py",  # budgets must not be the caller's to change
}
HEAVY = {
    "anthropic",
    "babel",
    "cryptography",
    "cv2",
    "drafthorse",
    "email_validator",
    "fontTools",
    "google",
    "jinja2",
    "jwt",
    "lxml",
    "numpy",
    "onnxruntime",
    "opentelemetry",
    "PIL",
    "pypdf",
    "rapidocr",
    "requests",
    "resend",
    "segno",
    "sentry_sdk",
    "stdnum",
    "stripe",
    "supabase",
    "typst",
    "zxingcpp",
}


def modules(folder: str) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def imported(tree: ast.Module) -> set[str]:
    """Every module named by an import, wherever it stands; `from a import b` names both a and a.b."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


class TestImports:
    def test_a_function_imports_shared_and_itself_never_another(self) -> None:
        for path, tree in modules("functions"):
            own = "functions." + Path(path).parts[1] if len(Path(path).parts) > 2 else "functions"
            for module in imported(tree):
                top = module.partition(".")[0]
                assert top != "local", f"{path} imports {module}"
                if top == "functions" and module != "functions":
                    assert f"{module}.".startswith(f"{own}."), f"{path} imports {module}"

    def test_shared_imports_neither_functions_nor_local(self) -> None:
        for path, tree in modules("shared"):
            assert not {"functions", "local", "tests"} & {name.partition(".")[0] for name in imported(tree)}, path

    def test_a_vendors_sandbox_knows_no_other(self) -> None:
        sandboxes = {"local.resend", "local.stripe", "local.vendors"}
        for folder in ("local/resend", "local/sandbox", "local/stripe", "local/vendors"):
            others = sandboxes - {folder.replace("/", ".")}
            for path, tree in modules(folder):
                assert not others & {".".join(name.split(".")[:2]) for name in imported(tree)}, path

    def test_only_the_named_modules_go_past_row_level_security(self) -> None:
        users = {
            path
            for folder in ("shared", "functions")
            for path, tree in modules(folder)
            if "shared.database.as_service" in imported(tree)
        }
        assert users == SERVICE_USERS

    def test_only_settings_reads_the_environment(self) -> None:
        readers = {
            path
            for folder in ("shared", "functions")
            for path, tree in modules(folder)
            if any(isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") for node in ast.walk(tree))
        }
        assert readers == {"shared/settings.py"}


class TestFunctions:
    @pytest.mark.parametrize("folder", FUNCTIONS, ids=NAMES)
    def test_the_platform_finds_app_by_reading(self, folder: Path) -> None:
        """`app = Function("url-name", …)` at the top level of the file, named as its folder."""
        tree = ast.parse((folder / "handler.py").read_text())
        (call,) = (
            node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            and ast.unparse(node.targets[0]) == "app"
            and isinstance(node.value, ast.Call)
        )
        assert ast.unparse(call.func) == "Function"
        assert ast.literal_eval(call.args[0]) == folder.name.replace("_", "-")
        assert ast.get_docstring(tree)

    @pytest.mark.parametrize("name", NAMES)
    def test_importing_needs_no_setting_opens_nothing_and_loads_no_engine(self, name: str) -> None:
        program = f"""
import json, sys
opened = []
sys.addaudithook(lambda event, _: opened.append(event) if event == "socket.connect" else None)
import functions.{name}.handler
print(json.dumps([sorted(sys.modules), opened]))
"""
        run = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        loaded, opened = json.loads(run.stdout)
        assert not HEAVY & {module.partition(".")[0] for module in loaded}
        assert opened == []
        if name == "health":
            assert "pydantic" not in loaded

    def test_the_platform_takes_a_function_for_wsgi(self) -> None:
        """Two positional parameters, no `asgi`, nothing answering for any attribute: that is how it tells."""
        from shared.web import Function

        arguments = Function.__call__.__code__
        assert arguments.co_varnames[: arguments.co_argcount] == ("self", "environ", "start_response")
        assert not hasattr(Function, "asgi")
        assert not hasattr(Function, "__getattr__")


class TestSize:
    def test_files_stay_small(self) -> None:
        for folder, most in {"shared": 300, "functions": 300, "local": 300}.items():
            for path in (ROOT / folder).rglob("*.py"):
                if "node_modules" in path.parts:
                    continue
                assert len(path.read_text().splitlines()) <= most, path


class TestRequirements:
    def test_the_root_file_is_the_union_of_the_functions(self) -> None:
        union = {line for path in ROOT.glob("functions/*/requirements.txt") for line in pins(path)}
        assert pins(ROOT / "requirements.txt") == union

    def test_everything_is_pinned_and_no_place_is_named(self) -> None:
        for path in (*ROOT.glob("*/**/requirements.txt"), ROOT / "shared/observability.txt"):
            if not {".venv", "node_modules"} & set(path.parts):
                assert all("==" in line and "://" not in line for line in pins(path)), path

    def test_no_function_pays_for_traces_it_may_not_want(self) -> None:
        wanted = {line.partition("==")[0] for line in pins(ROOT / "shared/observability.txt")}
        assert not wanted & {line.partition("==")[0] for line in pins(ROOT / "requirements.txt")}

    def test_lock_files_name_no_address(self) -> None:
        found = [path for path in ROOT.glob("*/**/package-lock.json") if "node_modules" not in path.parts]
        assert found
        for path in found:
            assert '"resolved"' not in path.read_text(), path


def pins(path: Path) -> set[str]:
    """The lines that ask for something."""
    lines = (line.strip() for line in path.read_text().splitlines())
    return {line for line in lines if line and not line.startswith("#")}
