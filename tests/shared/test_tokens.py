"""Access tokens: who is let in as whom, and that nobody else is."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import UUID, uuid4

import hypothesis
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import strategies as st

from shared import auth, tokens
from shared.auth import Caller
from shared.errors import Problem
from shared.web import Function
from tests.shared.conftest import PREVIOUS_SECRET, SECRET
from tests.shared.signing import PERSON, AuthServer, SigningKey, forged, segment
from tests.shared.wsgi import call

FUZZ = hypothesis.settings(
    max_examples=80, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
HS256 = {"alg": "HS256", "typ": "JWT"}


def admitted(token: str) -> UUID:
    return auth.authenticate(f"Bearer {token}").user_id


def refused(token: str) -> bool:
    """Whether it is refused as every bad token is; anything else raises."""
    with pytest.raises(Problem) as refusal:
        admitted(token)
    assert (refusal.value.status, refusal.value.code) == (401, "token_invalid")
    assert refusal.value.headers["WWW-Authenticate"] == "Bearer"
    return True


class TestGoodTokens:
    def test_signed_with_a_published_key_name_their_person(
        self, auth_server: AuthServer, es256: SigningKey, rs256: SigningKey
    ) -> None:
        auth_server.keys = [es256.published(), rs256.published()]
        assert admitted(es256.sign(auth_server.claims())) == PERSON
        assert admitted(rs256.sign(auth_server.claims())) == PERSON

    def test_signed_with_the_secret_name_their_person(self, auth_server: AuthServer) -> None:
        assert admitted(forged(HS256, auth_server.claims(), SECRET.encode())) == PERSON

    def test_signed_with_the_secret_may_lack_an_issuer(self, auth_server: AuthServer) -> None:
        assert admitted(forged(HS256, auth_server.claims(iss=None), SECRET.encode())) == PERSON

    def test_of_the_previous_secret_still_count(self, auth_server: AuthServer, monkeypatch: pytest.MonkeyPatch) -> None:
        old = forged(HS256, auth_server.claims(), PREVIOUS_SECRET.encode())
        assert refused(old)
        monkeypatch.setenv("SUPABASE_JWT_SECRET_PREVIOUS", PREVIOUS_SECRET)
        assert admitted(old) == PERSON
        assert admitted(forged(HS256, auth_server.claims(), SECRET.encode())) == PERSON

    def test_may_have_us_among_their_audiences(self, auth_server: AuthServer) -> None:
        assert admitted(forged(HS256, auth_server.claims(aud=["x", "authenticated"]), SECRET.encode())) == PERSON


class TestClaims:
    @pytest.mark.parametrize(
        "changes",
        [
            {"exp": None},
            {"sub": None},
            {"aud": None},
            {"aud": "anon"},
            {"aud": []},
            {"aud": ["x"]},
            {"aud": ""},
            {"aud": {"authenticated": True}},
            {"iss": "https://elsewhere.supabase.co/auth/v1"},
            {"iss": ""},
            {"iss": ["x"]},
            {"sub": "not-a-uuid"},
            {"sub": ""},
            {"sub": 7},
            {"sub": [str(PERSON)]},
            {"role": None},
            {"role": "anon"},
            {"role": "service_role"},
            {"role": "supabase_admin"},
            {"role": ["authenticated"]},
            {"is_anonymous": True},
            {"exp": "never"},
            {"exp": []},
            {"exp": True},
            {"exp": 0},
            {"exp": -1},
            {"nbf": "x"},
            {"iat": "x"},
        ],
        ids=json.dumps,
    )
    def test_that_are_not_those_of_a_person_here_are_refused(
        self, auth_server: AuthServer, es256: SigningKey, changes: dict[str, Any]
    ) -> None:
        auth_server.keys = [es256.published()]
        claims = auth_server.claims(**changes)
        assert refused(forged(HS256, claims, SECRET.encode()))
        assert refused(forged({**HS256, "kid": es256.kid}, claims, SECRET.encode()))
        with_key = f"{segment({'alg': 'ES256', 'kid': es256.kid})}.{segment(claims)}"
        signature = es256_signature(es256, with_key.encode())
        assert refused(f"{with_key}.{segment(signature)}")

    @pytest.mark.parametrize("exp", ["Infinity", "-Infinity", "NaN", "1e9999", "1" * 5000])
    def test_that_are_no_numbers_of_this_world_are_refused(self, auth_server: AuthServer, exp: str) -> None:
        claims = json.dumps(auth_server.claims(exp=0)).replace('"exp": 0', f'"exp": {exp}')
        assert refused(forged(HS256, claims.encode(), SECRET.encode()))

    def test_nested_too_deep_are_refused(self, auth_server: AuthServer) -> None:
        assert refused(forged(HS256, b"[" * 5000, SECRET.encode()))

    def test_of_a_published_key_need_an_issuer(self, auth_server: AuthServer, es256: SigningKey) -> None:
        auth_server.keys = [es256.published()]
        assert refused(es256.sign(auth_server.claims(iss=None)))

    def test_expired_are_refused_after_at_most_thirty_seconds(self, auth_server: AuthServer) -> None:
        now = int(time.time())
        assert refused(forged(HS256, auth_server.claims(exp=now - 30), SECRET.encode()))
        assert refused(forged(HS256, auth_server.claims(exp=now - tokens.LEEWAY_SECONDS - 1), SECRET.encode()))

    def test_expired_this_moment_are_let_be_for_clocks_differ(self, auth_server: AuthServer) -> None:
        assert admitted(forged(HS256, auth_server.claims(exp=int(time.time()) - 1), SECRET.encode())) == PERSON

    @pytest.mark.parametrize("claim", ["nbf", "iat"])
    def test_from_the_future_are_refused(self, auth_server: AuthServer, claim: str) -> None:
        now = int(time.time())
        assert refused(forged(HS256, auth_server.claims(**{claim: now + 40}), SECRET.encode()))
        assert admitted(forged(HS256, auth_server.claims(**{claim: now + 1}), SECRET.encode())) == PERSON


class TestSignatures:
    @pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", "HS384", "HS512", "ES384", "PS256", "EdDSA"])
    @pytest.mark.parametrize("key", [b"", SECRET.encode()])
    def test_of_other_kinds_are_refused(self, auth_server: AuthServer, alg: str, key: bytes) -> None:
        assert refused(forged({"alg": alg}, auth_server.claims(), key))

    @pytest.mark.parametrize("header", [{}, {"alg": None}, {"alg": ["HS256"]}, {"alg": {"a": 1}}, {"alg": 1}])
    def test_of_no_kind_are_refused(self, auth_server: AuthServer, header: dict[str, Any]) -> None:
        assert refused(forged(header, auth_server.claims(), SECRET.encode()))

    def test_cut_off_are_refused(self, auth_server: AuthServer, es256: SigningKey) -> None:
        auth_server.keys = [es256.published()]
        for token in (forged(HS256, auth_server.claims(), SECRET.encode()), es256.sign(auth_server.claims())):
            assert refused(token.rpartition(".")[0] + ".")
            assert refused(token.rpartition(".")[0])
            assert refused(token[:-4])

    def test_of_a_changed_token_are_refused(self, auth_server: AuthServer, es256: SigningKey) -> None:
        auth_server.keys = [es256.published()]
        header, _, signature = es256.sign(auth_server.claims()).split(".")
        assert refused(f"{header}.{segment(auth_server.claims(sub=str(uuid4())))}.{signature}")

    def test_by_another_secret_are_refused(self, auth_server: AuthServer) -> None:
        assert refused(forged(HS256, auth_server.claims(), b"some other secret, of a good length too"))

    def test_by_no_secret_are_refused_where_none_is_set(
        self, auth_server: AuthServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SUPABASE_JWT_SECRET")
        for guess in (b"", b"None", b"null", SECRET.encode()):
            assert refused(forged(HS256, auth_server.claims(), guess))

    def test_made_with_the_public_key_as_a_secret_are_refused(
        self, auth_server: AuthServer, es256: SigningKey, rs256: SigningKey
    ) -> None:
        """Key confusion: what everybody knows taken for what nobody knows."""
        auth_server.keys = [es256.published(), rs256.published()]
        assert admitted(es256.sign(auth_server.claims())) == PERSON  # the keys are known by now
        for key in (es256, rs256):
            published = json.dumps(key.published()).encode()
            for secret in (key.pem, key.pem.strip(), published, b""):
                assert refused(forged({**HS256, "kid": key.kid}, auth_server.claims(), secret))

    def test_by_the_secret_never_have_the_published_keys_fetched(
        self, auth_server: AuthServer, es256: SigningKey
    ) -> None:
        auth_server.keys = [es256.published()]
        assert admitted(forged({**HS256, "kid": es256.kid}, auth_server.claims(), SECRET.encode())) == PERSON
        assert refused(forged({**HS256, "kid": es256.kid}, auth_server.claims(), es256.pem))
        assert auth_server.asked == []

    def test_by_a_key_that_is_not_published_are_refused(self, auth_server: AuthServer, es256: SigningKey) -> None:
        auth_server.keys = [es256.published()]
        stranger = SigningKey.es256()
        assert refused(stranger.sign(auth_server.claims()))
        assert refused(stranger.sign(auth_server.claims(), kid=es256.kid))

    def test_of_a_published_kind_are_never_checked_against_the_secret(self, auth_server: AuthServer) -> None:
        """A key set that lists the secret as a symmetric key under an asymmetric name."""
        secret = segment(SECRET.encode())
        auth_server.keys = [{"kty": "oct", "kid": "1", "k": secret, "alg": alg} for alg in ("HS256", "ES256")]
        for alg in ("HS384", "ES256", "RS256"):
            assert refused(forged({"alg": alg, "kid": "1"}, auth_server.claims(), SECRET.encode()))

    @pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
    def test_by_a_key_the_token_brings_along_are_refused(
        self, auth_server: AuthServer, es256: SigningKey, name: str
    ) -> None:
        auth_server.keys = [es256.published()]
        stranger = SigningKey.es256()
        with AuthServer() as elsewhere:
            elsewhere.keys = [stranger.published()]
            brought = {
                "jku": f"{elsewhere.url}/auth/v1/.well-known/jwks.json",
                "x5u": f"{elsewhere.url}/certificate.pem",
                "jwk": stranger.published(),
                "x5c": [segment(stranger.pem)],
            }
            assert refused(stranger.sign(auth_server.claims(), **{name: brought[name]}))
            assert refused(stranger.sign(auth_server.claims(), kid=es256.kid, **{name: brought[name]}))
            assert admitted(es256.sign(auth_server.claims(), **{name: brought[name]})) == PERSON
            assert elsewhere.asked == []

    @pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"crit": []}, {"b64": False, "crit": ["b64"]}])
    def test_with_extensions_we_do_not_know_are_refused(self, auth_server: AuthServer, header: dict[str, Any]) -> None:
        assert refused(forged({**HS256, **header}, auth_server.claims(), SECRET.encode()))


class TestKeyIds:
    def test_missing_are_refused(self, auth_server: AuthServer, es256: SigningKey) -> None:
        auth_server.keys = [es256.published()]
        assert refused(es256.sign(auth_server.claims(), kid=None))

    @pytest.mark.parametrize("kid", [7, True, [], {"a": 1}, "", "../../etc/passwd", "' or 1=1 --", "x" * 4000, "\0"])
    def test_that_are_none_are_refused(self, auth_server: AuthServer, es256: SigningKey, kid: object) -> None:
        auth_server.keys = [es256.published()]
        assert refused(forged({"alg": "ES256", "kid": kid}, auth_server.claims(), SECRET.encode()))

    def test_of_a_key_of_another_kind_are_refused(
        self, auth_server: AuthServer, es256: SigningKey, rs256: SigningKey
    ) -> None:
        auth_server.keys = [es256.published(), rs256.published()]
        assert refused(es256.sign(auth_server.claims(), kid=rs256.kid))
        assert refused(rs256.sign(auth_server.claims(), kid=es256.kid))


class TestPublishedKeys:
    @pytest.mark.parametrize(
        "changes",
        [
            {"use": "enc"},
            {"key_ops": ["sign"]},
            {"key_ops": []},
            {"alg": "ES384"},
            {"alg": "RS256"},
            {"alg": "HS256"},
            {"alg": "none"},
            {"kty": "RSA"},
            {"kty": "oct"},
            {"kty": None},
            {"kid": None},
            {"kid": 7},
            {"x": None},
            {"x": "AAAA"},
            {"x": 7},
            {"crv": "P-384"},
            {"crv": "nonsense"},
            {"use": 7},
            {"alg": ["ES256"]},
        ],
        ids=json.dumps,
    )
    def test_that_are_not_for_this_are_ignored_and_the_others_count(
        self, auth_server: AuthServer, es256: SigningKey, rs256: SigningKey, changes: dict[str, Any]
    ) -> None:
        auth_server.keys = [es256.published(**changes), rs256.published()]
        assert refused(es256.sign(auth_server.claims()))
        assert admitted(rs256.sign(auth_server.claims())) == PERSON

    @pytest.mark.parametrize("changes", [{"use": None}, {"key_ops": None}, {"alg": None}], ids=json.dumps)
    def test_that_say_less_of_themselves_count(
        self, auth_server: AuthServer, es256: SigningKey, rs256: SigningKey, changes: dict[str, Any]
    ) -> None:
        auth_server.keys = [es256.published(**changes), rs256.published(**changes)]
        assert admitted(es256.sign(auth_server.claims())) == PERSON
        assert admitted(rs256.sign(auth_server.claims())) == PERSON

    def test_on_another_curve_are_ignored(self, auth_server: AuthServer, rs256: SigningKey) -> None:
        wider = SigningKey.es256(ec.SECP384R1())
        auth_server.keys = [wider.published(), wider.published(alg=None), rs256.published()]
        signed = f"{segment({'alg': 'ES256', 'kid': wider.kid})}.{segment(auth_server.claims())}"
        assert refused(f"{signed}.{segment(es256_signature(wider, signed.encode()))}")
        assert admitted(rs256.sign(auth_server.claims())) == PERSON

    @pytest.mark.parametrize("entry", [None, 7, "x", [], {}, {"kid": "x"}, {"kty": []}, {"kty": "EC", "kid": "x"}])
    def test_that_are_no_keys_are_ignored(self, auth_server: AuthServer, es256: SigningKey, entry: object) -> None:
        auth_server.keys = [entry, es256.published(), entry]
        assert admitted(es256.sign(auth_server.claims())) == PERSON


class TestAuthorizationHeader:
    def test_missing_says_so(self) -> None:
        with pytest.raises(Problem) as refusal:
            auth.authenticate("")
        assert (refusal.value.status, refusal.value.code) == (401, "token_missing")

    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
    def test_scheme_is_read_in_any_case(self, auth_server: AuthServer, scheme: str) -> None:
        token = forged(HS256, auth_server.claims(), SECRET.encode())
        assert auth.authenticate(f"{scheme} {token}").user_id == PERSON

    @pytest.mark.parametrize("template", ["{}", "Basic {}", "Token {}", "Bearer{}", "Bearer", "Bearer ", "Bearer x {}"])
    def test_of_another_form_is_refused(self, auth_server: AuthServer, template: str) -> None:
        token = forged(HS256, auth_server.claims(), SECRET.encode())
        with pytest.raises(Problem) as refusal:
            auth.authenticate(template.format(token))
        assert refusal.value.status == 401

    def test_beyond_all_reason_is_refused_before_it_is_decoded(self, auth_server: AuthServer) -> None:
        assert refused(forged(HS256, auth_server.claims(padding="x" * 9000), SECRET.encode()))

    def test_refresh_tokens_and_keys_are_no_access_tokens(self, auth_server: AuthServer) -> None:
        for token in ("v1.Mr5Yx0-opaque", "hq3kz7xw2r5c", "sb_secret_for_tests", "sb_publishable_for_tests", SECRET):
            assert refused(token)

    def test_token_stays_out_of_the_caller_s_repr(self, auth_server: AuthServer) -> None:
        token = forged(HS256, auth_server.claims(), SECRET.encode())
        assert token not in repr(auth.authenticate(f"Bearer {token}"))


class TestARouteForSignedInPeople:
    app = Function("probe")

    @staticmethod
    @app.get()
    def who(caller: Caller) -> dict[str, str]:
        return {"user_id": str(caller.user_id)}

    def test_answers_the_person(self, auth_server: AuthServer, es256: SigningKey) -> None:
        auth_server.keys = [es256.published()]
        token = es256.sign(auth_server.claims())
        answer = call(self.app, path="/api/probe", HTTP_AUTHORIZATION=f"Bearer {token}")
        assert (answer.status, answer.json) == (200, {"user_id": str(PERSON)})

    def test_answers_401_in_the_same_words_whatever_is_wrong(self, auth_server: AuthServer) -> None:
        expired = forged(HS256, auth_server.claims(exp=1), SECRET.encode())
        elsewhere = forged(HS256, auth_server.claims(aud="x"), SECRET.encode())
        bodies = set()
        for token in (expired, elsewhere, "x", "\xff\xfe", "a.b.c", "."):
            answer = call(
                self.app, path="/api/probe", HTTP_AUTHORIZATION=f"Bearer {token}", HTTP_X_REQUEST_ID="the-same"
            )
            assert answer.status == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            bodies.add(answer.body)
        assert len(bodies) == 1

    def test_answers_503_while_keys_were_never_had(self, auth_server: AuthServer, es256: SigningKey) -> None:
        auth_server.go_away()
        token = es256.sign(auth_server.claims())
        answer = call(self.app, path="/api/probe", HTTP_AUTHORIZATION=f"Bearer {token}")
        assert (answer.status, answer.code) == (503, "auth_unavailable")
        assert "retry-after" in answer.headers


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ALGORITHMS = st.sampled_from(["HS256", "ES256", "RS256", "none", "HS512"])
HEADERS = st.fixed_dictionaries(
    {}, optional={"alg": ALGORITHMS | JSON, "kid": st.sampled_from(["known", "x"]) | JSON, "crit": JSON, "b64": JSON}
)
CLAIMS = st.fixed_dictionaries({}, optional=dict.fromkeys(("exp", "sub", "aud", "iss", "role", "iat", "nbf"), JSON))


class TestAnythingElse:
    @FUZZ
    @hypothesis.given(text=st.text(max_size=200))
    def test_any_text_is_refused(self, auth_server: AuthServer, text: str) -> None:
        with pytest.raises(Problem) as refusal:
            auth.authenticate(f"Bearer {text}")
        assert refusal.value.status == 401

    @FUZZ
    @hypothesis.given(header=HEADERS | JSON, claims=CLAIMS | JSON, signature=st.binary(max_size=70))
    def test_any_header_claims_and_signature_are_refused(
        self, auth_server: AuthServer, es256: SigningKey, header: object, claims: object, signature: bytes
    ) -> None:
        auth_server.keys = [es256.published(kid="known")]
        assert refused(f"{segment(header)}.{segment(claims)}.{segment(signature)}")

    @FUZZ
    @hypothesis.given(claims=CLAIMS | JSON)
    def test_any_claims_that_are_rightly_signed_are_refused(self, auth_server: AuthServer, claims: object) -> None:
        assert refused(forged(HS256, claims, SECRET.encode()))

    @FUZZ
    @hypothesis.given(changes=st.dictionaries(st.sampled_from(["exp", "aud", "iss", "nbf", "iat"]), JSON, min_size=1))
    def test_one_claim_awry_is_a_refusal_or_no_matter(self, auth_server: AuthServer, changes: dict[str, Any]) -> None:
        token = forged(HS256, auth_server.claims(**changes), SECRET.encode())
        try:
            outcome: object = admitted(token)
        except Problem as problem:
            outcome = problem.status
        assert outcome in (PERSON, 401)


def es256_signature(key: SigningKey, signed: bytes) -> bytes:
    """An ES256 signature over anything, also over what PyJWT refuses to sign."""
    return jwt.get_algorithm_by_name("ES256").sign(signed, key.private)
