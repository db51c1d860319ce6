"""Which route a request goes to: by method and path, and what of them are parameters."""

from __future__ import annotations

import pytest

from tests.shared.probe import app
from tests.shared.signing import PERSON
from tests.shared.wsgi import call


class TestMethods:
    def test_head_is_get_without_the_body(self) -> None:
        head, get = (call(app, m, "/api/probe", HTTP_X_REQUEST_ID="same") for m in ("HEAD", "GET"))
        assert (head.status, head.body, head.headers) == (get.status, b"", get.headers)

    def test_head_of_a_problem_has_no_body_either(self) -> None:
        answer = call(app, "HEAD", "/api/probe/none")
        assert (answer.status, answer.body) == (404, b"")

    def test_options_lists_the_methods(self) -> None:
        answer = call(app, "OPTIONS", "/api/probe/text/x")
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS"

    def test_options_needs_no_token_and_runs_nothing(self) -> None:
        assert call(app, "OPTIONS", "/api/probe/mine").headers["allow"] == "OPTIONS, POST"

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "X" * 5000, "%00"])
    def test_others_are_405_with_those_there_are(self, method: str) -> None:
        answer = call(app, method, "/api/probe")
        assert (answer.status, answer.code) == (405, "method_not_allowed")
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"

    def test_of_a_path_of_its_own_are_not_those_of_the_ids_beside_it(self) -> None:
        answer = call(app, path="/api/probe/id/next")
        assert (answer.status, answer.headers["allow"]) == (405, "OPTIONS, POST")
        assert call(app, "OPTIONS", "/api/probe/id/next").headers["allow"] == "OPTIONS, POST"
        assert call(app, "OPTIONS", f"/api/probe/id/{PERSON}").headers["allow"] == "GET, HEAD, OPTIONS"

    def test_head_of_what_cannot_be_read_is_405(self) -> None:
        assert call(app, "HEAD", "/api/probe/mine").status == 405


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        ["/api/probe/none", "/api/probes", "/api/prob", "/api", "/", "", "*", "/probe", "//api/probe", "/API/probe"],
    )
    def test_that_lead_nowhere_are_404(self, path: str) -> None:
        answer = call(app, path=path)
        assert (answer.status, answer.code) == (404, "not_found")

    @pytest.mark.parametrize(
        ("segment", "text"),
        [
            ("plain", "plain"),
            ("%2F", "/"),
            ("a%2fb%2F..%2Fc", "a/b/../c"),
            ("..", ".."),
            ("%2E%2E", ".."),
            ("%2541", "%41"),
            ("%E2%82%AC", "€"),
            ("%", "%"),
            ("%zz", "%zz"),
            ("%ff", "\N{REPLACEMENT CHARACTER}"),
            ("a+b", "a+b"),
            ("a;b=c", "a;b=c"),
            ("a|b", "a|b"),
            ("<text>", "<text>"),
        ],
    )
    def test_are_cut_at_slashes_first_and_each_segment_decoded_once(self, segment: str, text: str) -> None:
        answer = call(app, path=f"/api/probe/text/{segment}")
        assert (answer.status, answer.json) == (200, {"text": text})

    @pytest.mark.parametrize(
        "segment",
        ["", "/", "/x", "x//y", "%0d%0aSet-Cookie:%20a=b", "%0A", "%00", "a%00b", "%7F", "%E2%80%AE", "x" * 101, "x/y"],
    )
    def test_with_segments_that_name_nothing_are_404(self, segment: str) -> None:
        answer = call(app, path=f"/api/probe/text/{segment}")
        assert (answer.status, answer.code) == (404, "not_found")
        assert "set-cookie" not in answer.headers

    @pytest.mark.parametrize("path", ["/api/probe//", "/api/probe//text/x", "/api//probe", "/api/probe/text//x"])
    def test_with_empty_segments_are_404(self, path: str) -> None:
        assert call(app, path=path).status == 404

    @pytest.mark.parametrize("path", ["/api/probe/", "/api/probe/text/x/"])
    def test_may_end_in_one_slash(self, path: str) -> None:
        assert call(app, path=path).status == 200

    @pytest.mark.parametrize("path", ["/api/probe/text/../ip", "/api/probe/../probe", "/api/probe/./ip"])
    def test_are_not_walked_up(self, path: str) -> None:
        assert call(app, path=path).status == 404

    def test_are_taken_raw_where_the_server_sends_both(self) -> None:
        decoded = "/api/probe/text/a/b"
        for name in ("RAW_URI", "REQUEST_URI"):
            answer = call(app, path=decoded, **{name: "/api/probe/text/a%2Fb?limit=1"})
            assert (answer.status, answer.json) == (200, {"text": "a/b"})

    @pytest.mark.parametrize("target", ["http://localhost/api/probe", "https://elsewhere.example/api/probe?"])
    def test_of_an_absolute_target_are_those_behind_the_host(self, target: str) -> None:
        assert call(app, path="/", RAW_URI=target).json == {"was": "read"}

    @pytest.mark.parametrize("target", ["http://localhost", "http:///api/probe", "http:", "://", "localhost:80", "?"])
    def test_of_an_odd_target_are_served_or_404(self, target: str) -> None:
        assert call(app, path="/", RAW_URI=target).status in (200, 404)

    @pytest.mark.parametrize(
        "number", ["x", "1", "0" * 32 + "0", "8c7b5f0e-1d3a-4c39-9a51-6f2f5a0c1b1g", "%2F", "..", "٣" * 32, "_" * 32]
    )
    def test_whose_id_is_none_are_404(self, number: str) -> None:
        assert call(app, path=f"/api/probe/id/{number}").status == 404

    def test_name_ids_in_one_way(self) -> None:
        assert call(app, path=f"/api/probe/id/{str(PERSON).upper()}").json == {"id": str(PERSON)}


class TestParameters:
    def test_that_are_known_are_read(self) -> None:
        assert call(app, path="/api/probe/search?limit=7").json == {"limit": 7}
        assert call(app, path="/api/probe/search").json == {"limit": 10}

    @pytest.mark.parametrize("path", ["/api/probe?limit=1", "/api/probe/search?limits=1", "/api/probe?workspace_id=1"])
    def test_that_are_unknown_are_422(self, path: str) -> None:
        assert call(app, path=path).status == 422

    @pytest.mark.parametrize("value", ["x", "", "1.5", "1e3", "NaN", "9" * 5000, "%F0%9F%92%A9"])
    def test_that_are_of_another_type_are_422_at_their_pointer(self, value: str) -> None:
        answer = call(app, path=f"/api/probe/search?limit={value}")
        assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/limit")

    @pytest.mark.parametrize(
        "query",
        [
            "limit=1&limit=2",
            "limit=%00",
            "%00=1",
            "limit=%ff",
            "limit=%ED%A0%80",
            "&".join(f"a{n}=1" for n in range(60)),
        ],
    )
    def test_that_cannot_be_read_in_one_way_are_400(self, query: str) -> None:
        for path in ("/api/probe/search", "/api/probe"):
            assert call(app, path=f"{path}?{query}").status == 400
